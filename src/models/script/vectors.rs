//! The vectors of a scripted model, as rows of four-bit blocks.
//!
//! Each token has a vector of signs that looks random and is the same in every file. Two of them
//! are all but orthogonal. The model's state after a token is the vector of the token that comes
//! next, and the score of a token is the product of its own vector and the state: large for the
//! one that comes next, small for all others.

/// Elements of a vector.
pub(super) const WIDTH: u64 = BLOCK * BLOCKS as u64;

const BLOCK: u64 = 32;
const BLOCKS: usize = 8;

/// Scales of blocks, as half-precision floats. With these, the next token scores 128 and the rest
/// 0 with a spread of 8: sampling cannot go astray.
const ONE: u16 = 0x3c00;
const HALF: u16 = 0x3800;

/// The state that leads to `token`.
pub(super) fn push_state(token: u32, row: &mut Vec<u8>) {
    signs(token).iter().for_each(|it| push_block(ONE, *it, row));
}

/// What the state is multiplied with to score `token`.
pub(super) fn push_score(token: u32, row: &mut Vec<u8>) {
    signs(token).iter().for_each(|it| push_block(HALF, *it, row));
}

/// A row of zeros.
pub(super) fn push_nothing(width: u64, row: &mut Vec<u8>) {
    (0..width / BLOCK).for_each(|_| push_block(0, 0, row));
}

/// Appends 32 elements that are `scale` where the bit is set, and its negative where not. A block
/// holds its first half in the low nibbles and its second in the high ones; 8 stands for zero.
fn push_block(scale: u16, bits: u32, row: &mut Vec<u8>) {
    let nibble = |at: u32| if bits >> at & 1 == 1 { 9 } else { 7 };
    row.extend(scale.to_le_bytes());
    row.extend((0..16).map(|it| nibble(it) | nibble(it + 16) << 4));
}

/// The signs of a token's vector, a bit each: a few steps of the splitmix64 generator.
fn signs(token: u32) -> [u32; BLOCKS] {
    let mut state = u64::from(token).wrapping_mul(0xd134_2543_de82_ef95);
    std::array::from_fn(|_| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) >> 32) as u32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_scores_like_the_next_one() {
        let product = |a: u32, b: u32| {
            let differing: u32 =
                signs(a).into_iter().zip(signs(b)).map(|(a, b)| (a ^ b).count_ones()).sum();
            (WIDTH as i32 - 2 * differing as i32) / 2
        };
        assert_eq!(product(7, 7), 128);
        let pairs = (0..2000).flat_map(|a| (0..a).map(move |b| (a, b)));
        let worst = pairs.map(|(a, b)| product(a, b)).max();
        assert!(worst < Some(64), "{worst:?}");
    }
}
