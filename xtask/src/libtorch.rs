//! Gets the libtorch that `tch` links to, out of the wheel of PyTorch in the Python package registry.
//!
//! It is fetched once for each user, into the cache folder; each clone of the repository has a link
//! `.libtorch` to it, which is what `LIBTORCH` names in `.cargo/config.toml`. The wheel for Linux is
//! built for CUDA: of it only the CPU's part is kept.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use zip::ZipArchive;

use crate::cache;

/// The one version that the `tch` of this workspace accepts.
pub const VERSION: &str = "2.13.0";

/// Any CPython with a wheel of that version would do, as nothing of the wheel is run by Python. A
/// fixed one lets `pip` of an older or newer Python fetch it too.
const PYTHON: &str = "3.11";

/// Named by `libtorch_cpu.so` of the Linux wheels, as PyTorch's own requirements pin them.
const NVIDIA: [&str; 2] = ["nvidia-cuda-runtime==13.0.96", "nvidia-cuda-cupti==13.0.85"];

/// Parts of the names of libraries that a CPU run never loads. `libtorch_cuda` has to be absent:
/// torch-sys links to it if it is there.
const LEFT_OUT: [&str; 6] = ["cuda", "nvshmem", "nvrtc", "python", "shm", "global_deps"];

/// A libtorch that a build would use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The one of the Python environment, by `LIBTORCH_USE_PYTORCH`.
    Python,
    /// The folder that the user's own `LIBTORCH` names.
    Own(PathBuf),
    /// What the link `.libtorch` of this repository leads to.
    Fetched(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Python => f.write_str("PyTorch's of the Python environment"),
            Self::Own(at) => write!(f, "{} (from LIBTORCH)", at.display()),
            Self::Fetched(at) => write!(f, "{}", at.display()),
        }
    }
}

/// The libtorch that a build with the feature `libtorch` would use now, in torch-sys's own order.
///
/// If only the cache has one, the link to it is made.
pub fn find() -> Option<Source> {
    // Any value counts, "0" too.
    if env::var_os("LIBTORCH_USE_PYTORCH").is_some() {
        return Some(Source::Python);
    }
    let link = link_path();
    if let Some(own) = env::var_os("LIBTORCH").filter(|value| Path::new(value) != link) {
        return Some(Source::Own(own.into()));
    }
    if is_usable(&link) {
        return Some(Source::Fetched(fs::canonicalize(&link).unwrap_or(link)));
    }
    let cached = cache_path().ok().filter(|cached| is_usable(cached))?;
    make_link(&cached).ok()?;
    Some(Source::Fetched(cached))
}

/// Fills the cache if it is empty, makes the link and returns the folder in the cache.
pub fn fetch() -> Result<PathBuf> {
    ensure!(
        cfg!(any(target_os = "linux", target_os = "macos")),
        "fetching libtorch works on Linux and macOS; elsewhere set LIBTORCH to the folder of a libtorch {VERSION}"
    );
    let cached = cache_path()?;
    if !is_usable(&cached) {
        fill(&cached)?;
    }
    make_link(&cached)?;
    Ok(cached)
}

/// Makes a cargo started from here see the environment that a cargo typed by the user sees.
///
/// `cargo run` passes the `LIBTORCH` of `.cargo/config.toml` on to us. A child that finds it there
/// may take it for a new setting, and torch-sys takes minutes to build again.
pub fn same_environment(cargo: &mut Command) -> &mut Command {
    if env::var_os("LIBTORCH").is_some_and(|value| Path::new(&value) == link_path()) {
        cargo.env_remove("LIBTORCH");
    }
    cargo
}

/// The link in the root of the workspace.
fn link_path() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).join(".libtorch")
}

fn cache_path() -> Result<PathBuf> {
    Ok(cache::folder()?.join(format!("libtorch-{VERSION}-cpu")))
}

/// Whether the folder has libraries and headers, and of no other version as far as it says.
fn is_usable(libtorch: &Path) -> bool {
    let library = format!("lib/libtorch_cpu{}", env::consts::DLL_SUFFIX);
    // The file that the project's own archives of libtorch have, and that torch-sys reads.
    let version = fs::read_to_string(libtorch.join("build-version"));
    libtorch.join(library).is_file()
        && libtorch.join("include/torch").is_dir()
        && version.map_or(true, |version| version.trim().split('+').next() == Some(VERSION))
}

/// Points `.libtorch` to the folder. The change is one rename: nobody sees the link missing.
fn make_link(cached: &Path) -> Result<()> {
    let link = link_path();
    if fs::read_link(&link).is_ok_and(|target| target == cached) {
        return Ok(());
    }
    let new = link.with_extension(std::process::id().to_string());
    cache::symlink(cached, &new)
        .and_then(|()| fs::rename(&new, &link))
        .inspect_err(|_| drop(fs::remove_file(&new)))
        .with_context(|| {
            let (link, cached) = (link.display(), cached.display());
            format!("cannot link {link} to {cached} (a folder of that name has to go first)")
        })
}

/// Downloads and unpacks beside `cached`, then renames, so that `cached` is whole or is not there.
fn fill(cached: &Path) -> Result<()> {
    let caches = cached.parent().context("a cache folder has a parent")?;
    fs::create_dir_all(caches).with_context(|| format!("cannot make {}", caches.display()))?;
    cache::remove_stale(caches, cache::UNFINISHED);
    let temp = tempfile::Builder::new()
        .prefix(cache::UNFINISHED)
        .tempdir_in(caches)
        .with_context(|| format!("cannot write to {}", caches.display()))?;

    let wheels = temp.path().join("wheels");
    download(temp.path(), &wheels)?;
    let libtorch = temp.path().join("libtorch");
    unpack(&wheels, &libtorch)?;
    if cfg!(target_os = "linux") {
        // The wheel's libtorch.so is an empty shell, but names CUDA's library as well.
        fs::write(libtorch.join("lib/libtorch.so"), "INPUT(-ltorch_cpu)\n")?;
    }
    fs::write(libtorch.join("build-version"), format!("{VERSION}+cpu\n"))?;
    ensure!(is_usable(&libtorch), "the wheels of PyTorch {VERSION} lack libraries or headers");

    // Something broken may stand there; another run may have been quicker.
    if cached.exists() && !is_usable(cached) {
        drop(fs::rename(cached, temp.path().join("broken")));
    }
    match fs::rename(&libtorch, cached) {
        Err(_) if is_usable(cached) => Ok(()),
        renamed => renamed.with_context(|| format!("cannot move libtorch to {}", cached.display())),
    }
}

/// Has pip download the wheels into the folder `wheels`.
fn download(temp: &Path, wheels: &Path) -> Result<()> {
    let mut pip = Command::new(python_with_pip(temp)?);
    pip.args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:"])
        // Our folder is the cache: pip's would keep the half gigabyte a second time.
        .args(["--no-cache-dir", "--disable-pip-version-check"])
        .args(["--python-version", PYTHON])
        .arg("--dest")
        .arg(wheels)
        .arg(format!("torch=={VERSION}"));
    if cfg!(target_os = "linux") {
        pip.args(NVIDIA);
    }
    eprintln!("Fetching PyTorch {VERSION} (about half a gigabyte, once)");
    // /tmp may be small, and what pip leaves in ours goes with it.
    let status = pip
        .env("TMPDIR", temp)
        .env("PIP_REQUIRE_VIRTUALENV", "0")
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .status()
        .context("cannot start pip")?;
    ensure!(
        status.success(),
        "pip could not download PyTorch {VERSION} (its message is above). There are wheels for Linux \
         with glibc 2.28 or later on x86-64 and aarch64, and for macOS 14 or later on Apple silicon; \
         elsewhere set LIBTORCH to the folder of a libtorch {VERSION}"
    );
    Ok(())
}

/// `python3` if it has a pip that will do, or else that of a fresh virtual environment.
fn python_with_pip(temp: &Path) -> Result<PathBuf> {
    let system = PathBuf::from("python3");
    if has_pip(&system) {
        return Ok(system);
    }
    let venv = temp.join("venv");
    let made = Command::new(&system)
        .args(["-m", "venv"])
        .arg(&venv)
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| output.status.success());
    let python = venv.join("bin/python3");
    if made && has_pip(&python) {
        return Ok(python);
    }
    bail!(
        "fetching libtorch needs `python3 -m pip`, 20.3 or later: install Python 3 with pip (the \
         packages python3 and python3-pip of most systems), or set LIBTORCH to the folder of a \
         libtorch {VERSION}"
    )
}

/// Whether this Python has a pip that will do.
fn has_pip(python: &Path) -> bool {
    Command::new(python)
        .args(["-m", "pip", "--version"])
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| is_new_enough(&String::from_utf8_lossy(&output.stdout)))
}

/// Whether "pip 23.0.1 from …" knows the platform tags of the wheels: 20.3 is the first that does.
fn is_new_enough(pip: &str) -> bool {
    let version = pip.split_whitespace().nth(1).unwrap_or_default();
    let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
    let major_minor = (numbers.next(), numbers.next());
    major_minor >= (Some(20), Some(3))
}

/// Unpacks of all wheels what belongs into a libtorch folder.
fn unpack(wheels: &Path, libtorch: &Path) -> Result<()> {
    let style = ProgressStyle::with_template("Unpacking {wide_bar} {bytes}/{total_bytes}")?;
    // Hidden where standard error is not a terminal.
    let bar = ProgressBar::new(0).with_style(style);
    let mut archives = Vec::new();
    let mut members = Vec::new();
    for entry in fs::read_dir(wheels)? {
        let path = entry?.path();
        let open = || anyhow::Ok(ZipArchive::new(io::BufReader::new(fs::File::open(&path)?))?);
        let mut archive = open().with_context(|| format!("cannot read {}", path.display()))?;
        for index in 0..archive.len() {
            let member = archive.by_index_raw(index)?;
            // `enclosed_name` refuses names that lead out of the folder.
            let place = member.enclosed_name().and_then(|name| place(&name));
            if let Some(place) = place.filter(|_| member.is_file()) {
                bar.inc_length(member.size());
                members.push((archives.len(), index, libtorch.join(place)));
            }
        }
        archives.push(archive);
    }
    for (archive, index, to) in members {
        let member = archives[archive].by_index(index)?;
        let write = || {
            fs::create_dir_all(to.parent().unwrap_or(libtorch))?;
            io::copy(&mut bar.wrap_read(member), &mut fs::File::create(&to)?)
        };
        write().with_context(|| format!("cannot unpack {}", to.display()))?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Where in the libtorch folder a member of a wheel belongs, if it is needed.
fn place(member: &Path) -> Option<PathBuf> {
    if let Ok(header) = member.strip_prefix("torch/include") {
        return Some(Path::new("include").join(header));
    }
    let name = member.file_name().and_then(OsStr::to_str)?;
    let folder = member.parent()?;
    let needed = if folder == Path::new("torch/lib") {
        let library = name.contains(".so") || name.ends_with(".dylib");
        library && !LEFT_OUT.iter().any(|part| name.contains(part)) && name != "libtorch.so"
    } else {
        // NVIDIA's wheels.
        folder.ends_with("lib") && (name.starts_with("libcudart.so") || name.starts_with("libcupti.so"))
    };
    needed.then(|| Path::new("lib").join(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::write::{SimpleFileOptions, ZipWriter};

    #[test]
    fn old_pips_are_told_from_new_ones() {
        for pip in ["pip 20.3 from /a/b", "pip 20.3.4 from /a", "pip 24.2 from /a", "pip 21.0"] {
            assert!(is_new_enough(pip), "{pip}");
        }
        for pip in ["", "pip", "pip 9.0.1 from /a", "pip 20.2.4 from /a", "No module named pip"] {
            assert!(!is_new_enough(pip), "{pip}");
        }
    }

    #[test]
    fn only_the_part_of_the_cpu_is_unpacked() -> Result<()> {
        let temp = tempfile::tempdir()?;
        let (wheels, libtorch) = (temp.path().join("wheels"), temp.path().join("libtorch"));
        fs::create_dir(&wheels)?;
        let mut wheel = ZipWriter::new(fs::File::create(wheels.join("torch.whl"))?);
        for name in [
            "torch/include/torch/torch.h",
            "torch/include/../../../../leads_out.h",
            "torch/lib/libtorch_cpu.so",
            "torch/lib/libtorch_cuda.so",
            "torch/lib/libtorch.so",
            "torch/lib/libgomp.so.1",
            "torch/lib/libnvpl_blas_core.so.0",
            "torch/lib/libtorch.dylib",
            "torch/lib/libtorch_python.dylib",
            "torch/lib/libshm/err.h",
            "torch/version.py",
            "nvidia/cu13/lib/libcudart.so.13",
            "nvidia/cu13/lib/libcudart_static.a",
            "nvidia/cu13/include/cupti.h",
        ] {
            wheel.start_file(name, SimpleFileOptions::default())?;
            wheel.write_all(name.as_bytes())?;
        }
        wheel.finish()?;
        unpack(&wheels, &libtorch)?;

        let mut found = Vec::new();
        for folder in ["", "include/torch", "lib"] {
            for entry in fs::read_dir(libtorch.join(folder))? {
                found.push(entry?.file_name().into_string().unwrap_or_default());
            }
        }
        found.sort();
        let wanted = [
            "include",
            "lib",
            "libcudart.so.13",
            "libgomp.so.1",
            "libnvpl_blas_core.so.0",
            "libtorch.dylib",
            "libtorch_cpu.so",
            "torch.h",
        ];
        assert_eq!(found, wanted);
        Ok(())
    }
}
