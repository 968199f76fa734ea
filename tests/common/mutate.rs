//! Inputs that were damaged at random, each known by its number.

use std::ops::Range;

use mapcheck::random::Generator;

/// What is put in, beside single bits and bytes: what YAML, JSON and readers of numbers look at.
const PIECES: [&[u8]; 32] = [
    b"[",
    b"]",
    b"{",
    b"}",
    b": ",
    b"- ",
    b", ",
    b"\n",
    b"\r\n",
    b"\t",
    b"'",
    b"\"",
    b"\\",
    b"#",
    b"&a ",
    b"*a",
    b"<<: ",
    b"!!int ",
    b"? ",
    b"|",
    b"---\n",
    b"~",
    b".nan",
    b"-1",
    b"0",
    b"4294967296",
    b"9223372036854775808",
    b"1e999",
    b"../",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xa8",
    b"\xff",
];

/// The numbers of the inputs that a test is to make: `MAPCHECK_MUTATED=1000000` makes a million, and
/// `MAPCHECK_MUTATED=4711..4712` the one by which another run failed.
pub fn numbers(default: u64) -> Range<u64> {
    let Ok(text) = std::env::var("MAPCHECK_MUTATED") else { return 0..default };
    let number = |text: &str| text.parse().expect("MAPCHECK_MUTATED is a number, or two with `..` between them");
    match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => 0..number(&text),
    }
}

/// The input of this number: `bytes`, changed in one to four places.
pub fn mutated(bytes: &[u8], number: u64) -> Vec<u8> {
    let mut generator = Generator::new(number);
    let mut below = |end: usize| (generator.bits() % end.max(1) as u64) as usize;
    let mut bytes = bytes.to_vec();
    for _ in 0..=below(4) {
        let at = below(bytes.len() + 1);
        let end = (at + below(24)).min(bytes.len());
        match below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << below(8),
            1 if at < bytes.len() => bytes[at] = below(256) as u8,
            2 => drop(bytes.drain(at..end)),
            3 => bytes.splice(at..at, bytes[at..end].to_vec()).for_each(drop),
            4 => {
                let piece = bytes[at..end].to_vec();
                let to = below(bytes.len() + 1);
                bytes.splice(to..to, piece).for_each(drop);
            }
            5 if below(8) == 0 => bytes.truncate(at),
            _ => bytes.splice(at..at, PIECES[below(PIECES.len())].iter().copied()).for_each(drop),
        }
    }
    bytes
}
