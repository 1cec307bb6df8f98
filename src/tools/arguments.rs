//! Understanding a call, or telling the model what is wrong with it.
//!
//! A call is understood in one place for all tools: the name it goes by, the JSON it is written in,
//! the names and kinds of its arguments. Only what has one reading is mended, what a value says is
//! never changed, and each repair is told. Then the types of the tool decide; when they do not fit,
//! the call is compared with what the model was told, to find a complaint in the model's own terms.

mod alias;
mod complaint;
mod fit;
mod lenient;
mod tool_name;
mod wrap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::conversation::{Call, ToolSpec};
use crate::tools::arguments::fit::Fitting;
use crate::tools::arguments::lenient::Slip;

pub(in crate::tools) use complaint::{nearest, shape};
pub(crate) use tool_name::resolve;

/// A call as it will run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Understood {
    pub(crate) call: Call,
    /// What had to be read into it, each in a few words.
    pub(crate) repairs: Vec<String>,
}

impl Understood {
    /// The repairs in one line, for the result of the call; nothing without one.
    pub(in crate::tools) fn mention(&self) -> String {
        match &self.repairs[..] {
            [] => String::new(),
            repairs => format!("[understood: {}]\n", repairs.join(", ")),
        }
    }
}

/// The call as it will run, or a complaint to send back. Who judges a call judges this one. The call
/// has to be whole: of one that was cut off, a part might look like another.
pub(crate) fn understand(call: &Call, specs: &[ToolSpec]) -> Result<Understood, String> {
    let names = || specs.iter().map(|it| it.name.as_str());
    let Some(spec) =
        resolve(&call.tool, names()).and_then(|it| specs.iter().find(|spec| spec.name == it))
    else {
        return Ok(Understood { call: call.clone(), repairs: Vec::new() });
    };
    let is_tool = |name: &str| resolve(name, names()) == Some(spec.name.as_str());
    let (args, mut repairs) =
        mended(&call.args, spec, &is_tool).map_err(|it| refusal(&it, spec))?;
    if call.tool != spec.name {
        repairs.insert(0, format!("`{}` as `{}`", call.tool, spec.name));
    }
    let call = Call { tool: spec.name.to_owned(), args, ..call.clone() };
    Ok(Understood { call, repairs })
}

/// The object that a text holds, whole or among words, however a model wrote it.
pub(crate) fn json_in(text: &str) -> Option<Value> {
    let object = |text: &str| {
        let value = lenient::read(text).ok()?.0.into_value();
        Some(value).filter(Value::is_object)
    };
    let inside = || text.get(text.find('{')?..=text.rfind('}')?);
    object(text).or_else(|| object(inside()?))
}

/// The arguments as JSON that fits, as far as it can be made to, and the repairs. Without a repair
/// they are byte for byte what they were.
fn mended(
    args: &str,
    spec: &ToolSpec,
    is_tool: &dyn Fn(&str) -> bool,
) -> Result<(String, Vec<String>), String> {
    if matches!(args.trim(), "" | "null") {
        return Ok(("{}".to_owned(), Vec::new()));
    }
    let (node, mut slips) = lenient::read(args)?;
    let schema = parameters(spec);
    let (node, unwrapped) = wrap::unwrap(node, &schema, &mut slips, is_tool)?;
    let mut fitting = Fitting::new(&spec.name);
    let node = fitting.fit("the arguments", node, &schema);
    let slips = slips.into_iter().map(Slip::words).map(str::to_owned);
    let repairs: Vec<_> = slips.chain(unwrapped).chain(fitting.repairs).collect();
    let args = if repairs.is_empty() { args.to_owned() } else { node.into_value().to_string() };
    Ok((args, repairs))
}

/// Arguments that were understood, as the tool takes them; or a complaint to send back.
pub(super) fn parse<A: DeserializeOwned>(args: &str, spec: &ToolSpec) -> Result<A, String> {
    let args = match args.trim() {
        "" | "null" => "{}",
        args => args,
    };
    serde_json::from_str(args)
        .map_err(|err| refusal(&complaint::complaint(args, &parameters(spec), &err), spec))
}

fn refusal(complaint: &str, spec: &ToolSpec) -> String {
    let shape = complaint::shape(&parameters(spec));
    format!("{complaint}. Nothing was done. `{}` takes {shape}", spec.name)
}

fn parameters(spec: &ToolSpec) -> Value {
    let mut definition: Value = serde_json::from_str(&spec.definition).unwrap_or_default();
    definition["parameters"].take()
}

#[cfg(test)]
mod tests;
