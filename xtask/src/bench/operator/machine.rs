//! What the numbers were measured on, as far as Linux tells.

use std::fs;
use std::path::Path;
use std::thread::available_parallelism;

/// Extensions of the instruction set that a normalisation can make use of.
const EXTENSIONS: [&str; 18] = [
    "sse2",
    "avx",
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512bw",
    "avx512vl",
    "avx512_bf16",
    "avx512_fp16",
    "amx_bf16",
    "neon",
    "asimd",
    "asimdhp",
    "fphp",
    "bf16",
    "sve",
    "sve2",
];

/// A sentence.
pub fn description() -> String {
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = available_parallelism().map_or("an unknown number of".to_owned(), |count| count.to_string());
    let mut parts = vec![model(&information), format!("{} with {cores} cores", std::env::consts::ARCH)];
    parts.push(extensions(&information));
    parts.push(caches(Path::new("/sys/devices/system/cpu/cpu0/cache")));
    parts.retain(|part| !part.is_empty());
    format!("{}.", parts.join("; "))
}

fn field<'a>(information: &'a str, names: &[&str]) -> &'a str {
    let fields = information.lines().filter_map(|line| line.split_once(':'));
    fields.into_iter().find(|(name, _)| names.contains(&name.trim())).map_or("", |(_, value)| value.trim())
}

fn model(information: &str) -> String {
    field(information, &["model name"]).to_owned()
}

fn extensions(information: &str) -> String {
    let flags = field(information, &["flags", "Features"]);
    let known = flags.split_whitespace().filter(|flag| EXTENSIONS.contains(flag));
    known.collect::<Vec<_>>().join(" ")
}

/// Such as "L1 data 48K, L2 2048K".
fn caches(folder: &Path) -> String {
    let read = |index: usize, name: &str| {
        let text = fs::read_to_string(folder.join(format!("index{index}")).join(name)).ok()?;
        Some(text.trim().to_owned())
    };
    let cache = |index| {
        let (level, kind, size) = (read(index, "level")?, read(index, "type")?, read(index, "size")?);
        let kind = if kind == "Unified" { String::new() } else { format!("{} ", kind.to_lowercase()) };
        Some(format!("L{level} {kind}{size}"))
    };
    (0..).map_while(cache).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_is_picked_out() {
        let information = "processor\t: 0\nmodel name\t: A: B\nflags\t\t: fpu avx2 ht f16c\n\nmodel name\t: C\n";
        assert_eq!((model(information).as_str(), extensions(information).as_str()), ("A: B", "avx2 f16c"));
        assert_eq!((model("").as_str(), extensions("").as_str()), ("", ""));
    }

    #[test]
    fn caches_are_read_until_there_is_no_more() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        for (index, [level, kind, size]) in [["1", "Data", "48K"], ["2", "Unified", "2048K"]].into_iter().enumerate() {
            let cache = folder.path().join(format!("index{index}"));
            fs::create_dir(&cache)?;
            for (name, text) in [("level", level), ("type", kind), ("size", size)] {
                fs::write(cache.join(name), format!("{text}\n"))?;
            }
        }
        assert_eq!(caches(folder.path()), "L1 data 48K, L2 2048K");
        assert_eq!(caches(Path::new("/nowhere")), "");
        Ok(())
    }
}
