//! How a model was made smaller: `Q4_K_M`, `UD-IQ3_XXS`, `IQ3_S-2.69bpw`, and which of several is
//! the best.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

/// Read from a name in whatever spelling, written in the usual one.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Quant {
    /// `Q4_K_M`, in capitals.
    pub(crate) kind: String,
    /// `UD`: the bits are spread by what each layer needs.
    pub(crate) is_dynamic: bool,
    /// `2.69bpw`, where the name says that.
    pub(crate) bits: Option<String>,
}

/// From the best to the last. Four bits and a half are
/// where a model is nearly what it was, and more only makes it slower; below, each bit less costs
/// sense; the full precision comes before what has lost much.
const LADDER: &[&str] = &[
    "Q4_K_XL",
    "Q4_K_M",
    "Q4_K_L",
    "Q4_K",
    "Q5_K_M",
    "Q5_K_XL",
    "Q5_K_L",
    "Q5_K",
    "Q5_K_S",
    "Q4_K_S",
    "MXFP4_MOE",
    "MXFP4",
    "NVFP4",
    "IQ4_NL_XL",
    "IQ4_NL",
    "IQ4_XS",
    "IQ4_KS",
    "IQ4_K",
    "Q6_K",
    "Q6_K_XL",
    "Q6_K_L",
    "Q8_0",
    "Q8_0_L",
    "Q8_K_XL",
    "Q4_1",
    "Q5_1",
    "Q5_0",
    "Q4_0",
    "Q4_0_4_4",
    "Q4_0_4_8",
    "Q4_0_8_8",
    "BF16",
    "F16",
    "Q3_K_XL",
    "Q3_K_L",
    "Q3_K_M",
    "Q3_K",
    "IQ3_M",
    "Q3_K_S",
    "IQ3_S",
    "IQ3_XS",
    "IQ3_XXS",
    "Q2_K_XL",
    "Q2_K_L",
    "Q2_K",
    "Q2_K_S",
    "IQ2_M",
    "IQ2_S",
    "IQ2_XS",
    "IQ2_XXS",
    "Q2_0",
    "TQ2_0",
    "TQ1_0",
    "IQ1_M",
    "IQ1_S",
    "Q1_0",
    "F32",
];

static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    let families = [
        r"IQ[1-8]_(?:XXS|XS|S|M|L|XL|NL_XL|NL|KSS|KS|KT|K)",
        r"Q[1-8]_K(?:_(?:XXL|XL|L|M|S|P))?",
        r"Q4_0_(?:4_4|4_8|8_8)",
        r"Q8_0_L",
        r"Q[1-8]_[01]",
        r"TQ[12]_0",
        r"MXFP4_MOE|MXFP4|NVFP4|BF16|FP?16|FP?32",
    ];
    let pattern = format!(r"(?i)^(?:{})", families.join("|"));
    Regex::new(&pattern).expect("the pattern is ours")
});

impl Quant {
    /// The quant that a name says, and where in the name it stands.
    pub(super) fn within(name: &str) -> Option<(Self, std::ops::Range<usize>)> {
        let is_boundary = |it: char| !it.is_ascii_alphanumeric();
        let starts = name.char_indices().rev().map(|(at, _)| at);
        let mut starts = starts.filter(|at| *at == 0 || name[..*at].ends_with(is_boundary));
        let (start, mut end) = starts.find_map(|at| {
            let found = NAMED.find(&name[at..])?;
            let rest = &name[at + found.end()..];
            // `Q4_KIND` is none, and neither is `Q4_K` where `Q4_K_XM` stands.
            let ends = rest.is_empty() || rest.starts_with(is_boundary);
            ends.then_some((at, at + found.end()))
        })?;
        let kind = name[start..end].to_ascii_uppercase();
        let kind = match kind.as_str() {
            "FP16" => "F16".to_owned(),
            "FP32" => "F32".to_owned(),
            _ => kind,
        };
        let before = name[..start].to_ascii_uppercase();
        let is_dynamic = ["UD-", "UD_", "UD."].iter().any(|it| {
            let rest = before.strip_suffix(it);
            rest.is_some_and(|it| it.is_empty() || it.ends_with(is_boundary))
        });
        let start = if is_dynamic { start - 3 } else { start };
        let mut bits = None;
        if let Some(rest) = name[end..].strip_prefix('-')
            && let Some(length) = rest.to_ascii_lowercase().find("bpw")
            && rest[..length].parse::<f32>().is_ok()
        {
            bits = Some(rest[..length + 3].to_ascii_lowercase());
            end += 1 + length + 3;
        }
        Some((Self { kind, is_dynamic, bits }, start..end))
    }

    /// A quant that is written alone, as in `org/repo:q4_k_m`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (quant, range) = Self::within(text)?;
        (range == (0..text.len())).then_some(quant)
    }

    /// What `general.file_type` of a header stands for.
    pub(crate) fn of_file_type(number: u64) -> Option<Self> {
        const NAMES: &[(u64, &str)] = &[
            (0, "F32"),
            (1, "F16"),
            (2, "Q4_0"),
            (3, "Q4_1"),
            (7, "Q8_0"),
            (8, "Q5_0"),
            (9, "Q5_1"),
            (10, "Q2_K"),
            (11, "Q3_K_S"),
            (12, "Q3_K_M"),
            (13, "Q3_K_L"),
            (14, "Q4_K_S"),
            (15, "Q4_K_M"),
            (16, "Q5_K_S"),
            (17, "Q5_K_M"),
            (18, "Q6_K"),
            (19, "IQ2_XXS"),
            (20, "IQ2_XS"),
            (21, "Q2_K_S"),
            (22, "IQ3_XS"),
            (23, "IQ3_XXS"),
            (24, "IQ1_S"),
            (25, "IQ4_NL"),
            (26, "IQ3_S"),
            (27, "IQ3_M"),
            (28, "IQ2_S"),
            (29, "IQ2_M"),
            (30, "IQ4_XS"),
            (31, "IQ1_M"),
            (32, "BF16"),
            (36, "TQ1_0"),
            (37, "TQ2_0"),
            (38, "MXFP4_MOE"),
            (39, "NVFP4"),
            (40, "Q1_0"),
            (41, "Q2_0"),
        ];
        let known = NAMES.iter().find(|it| it.0 == number)?;
        Self::parse(known.1)
    }

    /// Less is better. A small model loses more by four bits than it gains.
    pub(crate) fn rank(&self, parameters: Option<u64>) -> u32 {
        const SMALL: u64 = 2_500_000_000;
        let nth = LADDER.iter().position(|it| *it == self.kind).unwrap_or(LADDER.len());
        let is_small = parameters.is_some_and(|it| (1..SMALL).contains(&it));
        let nth = match self.kind.as_str() {
            "Q8_0" if is_small => 0,
            "Q8_K_XL" | "Q6_K" | "Q6_K_XL" | "Q6_K_L" if is_small => 1,
            _ => nth + 2,
        };
        nth as u32 * 2 + u32::from(!self.is_dynamic)
    }

    /// Whether `asked` means this one: `Q4_K_M` means `UD-Q4_K_M`, too.
    pub(crate) fn answers(&self, asked: &Self) -> bool {
        self.kind == asked.kind
            && (self.is_dynamic || !asked.is_dynamic)
            && asked.bits.as_ref().is_none_or(|it| self.bits.as_ref() == Some(it))
    }
}

impl fmt::Display for Quant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dynamic = if self.is_dynamic { "UD-" } else { "" };
        write!(f, "{dynamic}{}", self.kind)?;
        self.bits.iter().try_for_each(|it| write!(f, "-{it}"))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_best_of_many_is_the_one_of_four_bits_and_a_half() {
        let mut all: Vec<_> = [
            "F32",
            "IQ1_S",
            "Q8_0",
            "Q4_K_M",
            "UD-Q4_K_M",
            "Q6_K",
            "IQ4_XS",
            "BF16",
            "Q2_K",
            "MXFP4",
        ]
        .map(|it| Quant::parse(it).unwrap())
        .into();
        let named = |all: &[Quant]| all.iter().map(Quant::to_string).collect::<Vec<_>>().join(" ");
        all.sort_by_key(|it| it.rank(None));
        expect!["UD-Q4_K_M Q4_K_M MXFP4 IQ4_XS Q6_K Q8_0 BF16 Q2_K IQ1_S F32"]
            .assert_eq(&named(&all));
        all.sort_by_key(|it| it.rank(Some(600_000_000)));
        expect!["Q8_0 Q6_K UD-Q4_K_M Q4_K_M MXFP4 IQ4_XS BF16 Q2_K IQ1_S F32"]
            .assert_eq(&named(&all));
    }

    #[test]
    fn every_quant_of_the_ladder_is_read_from_its_own_name() {
        for kind in LADDER {
            let parsed = Quant::parse(&kind.to_lowercase()).unwrap_or_else(|| panic!("{kind}"));
            assert_eq!(parsed.to_string(), *kind);
        }
    }

    #[test]
    fn who_asks_for_a_quant_means_its_dynamic_form_too() {
        let one = |it: &str| Quant::parse(it).unwrap();
        assert!(one("UD-Q4_K_M").answers(&one("q4_k_m")));
        assert!(!one("Q4_K_M").answers(&one("UD-Q4_K_M")));
        assert!(one("IQ3_S-2.69bpw").answers(&one("IQ3_S")));
        assert!(!one("IQ3_S-2.69bpw").answers(&one("IQ3_S-3.00bpw")));
    }
}
