//! Build tools, pinned, installed once into a cache outside `target`.

use std::fs;
use std::path::Path;

use crate::process::{cargo, output, program, run, say, which};
use crate::{Result, place};

/// A tool that the build or the tests need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Generates the JavaScript beside the WebAssembly; its version is that of the library.
    WasmBindgen,
    /// Builds page and worker.
    Trunk,
    /// Makes WebAssembly small.
    WasmOpt,
    /// Runs the browser tests of the frontend.
    WasmPack,
    /// Licences, sources, advisories.
    CargoDeny,
    /// Bills of materials.
    CargoCyclonedx,
    /// Builds with libFuzzer.
    CargoFuzz,
}

/// What `start` and `dist` need.
pub const FOR_CLIENT: &[Tool] = &[Tool::WasmBindgen, Tool::Trunk, Tool::WasmOpt];

/// Everything that `test` needs.
pub const ALL: &[Tool] = &[
    Tool::WasmBindgen,
    Tool::Trunk,
    Tool::WasmOpt,
    Tool::WasmPack,
    Tool::CargoDeny,
    Tool::CargoCyclonedx,
    Tool::CargoFuzz,
];

/// 0.22 needs a newer compiler.
const TRUNK: &str = "0.21.14";
const WASM_PACK: &str = "0.15.1";
const CARGO_DENY: &str = "0.20.2";
const CARGO_CYCLONEDX: &str = "0.5.9";
const CARGO_FUZZ: &str = "0.13.2";
/// Debian's binaryen is too old for what this compiler makes; npm's is current and portable.
const BINARYEN: &str = "132.0.0";

/// Installs what is missing or of another version. Quick where nothing is.
pub fn ensure(tools: &[Tool]) -> Result {
    fs::create_dir_all(place::tools_bin())?;
    let mut built = false;
    for &tool in tools {
        let (name, version) = (tool.name(), tool.version()?);
        if is_there(name, &version) {
            continue;
        }
        say(&format!(
            "Installing {name} {version} into {} ({}; once)",
            place::tools().display(),
            tool.cost()
        ));
        if tool == Tool::WasmOpt {
            install_binaryen()?;
        } else {
            install_from_source(tool, &version)?;
            built = true;
        }
        if !is_there(name, &version) {
            return Err(
                format!("{name} was installed but does not report version {version}").into(),
            );
        }
    }
    if built {
        // Hundreds of megabytes that nothing needs again; what was built is in `tools`.
        let _ = fs::remove_dir_all(build_folder());
    }
    Ok(())
}

/// Adds rustfmt or clippy to the toolchain in use, if it lacks it.
pub fn ensure_component(name: &str) -> Result {
    let Some(installed) = output(program("rustup").args(["component", "list", "--installed"]))
    else {
        return Ok(());
    };
    if installed.lines().any(|line| line.starts_with(name)) {
        return Ok(());
    }
    say(&format!("Adding the toolchain's component {name}"));
    run(program("rustup").args(["component", "add", name]))
}

/// Adds the WebAssembly target to the toolchain in use, if it lacks it.
pub fn ensure_wasm_target() -> Result {
    const TARGET: &str = "wasm32-unknown-unknown";
    // Without rustup (a distribution's Rust) the compiler itself says whether it has the target.
    if let Some(installed) = output(program("rustup").args(["target", "list", "--installed"])) {
        if !installed.lines().any(|line| line.trim() == TARGET) {
            say(&format!("Adding the compiler's target {TARGET}"));
            run(program("rustup").args(["target", "add", TARGET]))?;
        }
        return Ok(());
    }
    let libdir = output(program("rustc").args(["--print", "target-libdir", "--target", TARGET]));
    match libdir {
        Some(folder) if Path::new(folder.trim()).is_dir() => Ok(()),
        _ => Err(format!("the Rust compiler lacks the target {TARGET}; install rustup").into()),
    }
}

impl Tool {
    /// The program's name.
    fn name(self) -> &'static str {
        match self {
            Self::WasmBindgen => "wasm-bindgen",
            Self::Trunk => "trunk",
            Self::WasmOpt => "wasm-opt",
            Self::WasmPack => "wasm-pack",
            Self::CargoDeny => "cargo-deny",
            Self::CargoCyclonedx => "cargo-cyclonedx",
            Self::CargoFuzz => "cargo-fuzz",
        }
    }

    fn version(self) -> Result<String> {
        Ok(match self {
            Self::WasmBindgen => locked_version("wasm-bindgen")?,
            Self::Trunk => TRUNK.into(),
            Self::WasmOpt => BINARYEN.into(),
            Self::WasmPack => WASM_PACK.into(),
            Self::CargoDeny => CARGO_DENY.into(),
            Self::CargoCyclonedx => CARGO_CYCLONEDX.into(),
            Self::CargoFuzz => CARGO_FUZZ.into(),
        })
    }

    /// The crate, and how it is installed.
    fn source(self) -> (&'static str, &'static [&'static str]) {
        match self {
            // Its lock file may name versions that a registry mirror does not have yet.
            Self::WasmBindgen => ("wasm-bindgen-cli", &[]),
            // Without the default features: no update check, and rustls instead of a C library.
            Self::Trunk => (
                "trunk",
                &["--locked", "--no-default-features", "--features", "rustls"],
            ),
            Self::WasmPack => ("wasm-pack", &["--locked"]),
            Self::CargoCyclonedx => ("cargo-cyclonedx", &["--locked"]),
            Self::CargoFuzz => ("cargo-fuzz", &["--locked"]),
            Self::CargoDeny | Self::WasmOpt => ("cargo-deny", &["--locked"]),
        }
    }

    /// For people who wait: on two cores.
    fn cost(self) -> &'static str {
        match self {
            Self::WasmBindgen => "about 3 minutes on two cores",
            Self::Trunk => "about 6 minutes on two cores",
            Self::CargoFuzz => "about a minute on two cores",
            Self::WasmPack => "about 2 minutes on two cores",
            Self::CargoDeny => "about 3 minutes on two cores",
            Self::CargoCyclonedx => "about 2 minutes on two cores",
            Self::WasmOpt => "seconds",
        }
    }
}

/// The version of a package in Cargo.lock.
fn locked_version(package: &str) -> Result<String> {
    let path = place::root().join("Cargo.lock");
    let lock = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    version_in_lock(&lock, package)
        .ok_or_else(|| format!("{} does not hold {package}", path.display()).into())
}

fn version_in_lock(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    let version = lines
        .next()?
        .strip_prefix("version = \"")?
        .strip_suffix('"')?;
    Some(version.to_owned())
}

/// Only what lies in the cache counts: a tool elsewhere on the PATH may change under us.
fn is_there(name: &str, version: &str) -> bool {
    let path = place::tools_bin().join(place::exe(name));
    // What is only a subcommand of cargo's wants to be called as cargo calls it.
    let subcommand = (name == "cargo-cyclonedx").then_some("cyclonedx");
    let Some(reported) = output(program(path).args(subcommand).arg("--version")) else {
        return false;
    };
    // binaryen numbers releases (132), npm wants three parts (132.0.0).
    let short = version.strip_suffix(".0.0").unwrap_or(version);
    reported
        .split_whitespace()
        .any(|word| word == version || word == short)
}

fn build_folder() -> std::path::PathBuf {
    place::cache().join("tools-build")
}

fn install_from_source(tool: Tool, version: &str) -> Result {
    let (package, options) = tool.source();
    run(cargo()
        .arg("install")
        .args(options)
        .args(["--force", "--root"])
        .arg(place::tools())
        .arg(format!("{package}@{version}"))
        // The tools' own dependencies overlap: built in one folder, they are compiled once.
        .env("CARGO_TARGET_DIR", build_folder())
        // The tools run for seconds; compiling them is what takes long.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .env_remove("RUSTFLAGS"))
}

fn install_binaryen() -> Result {
    if which("npm").is_none() {
        return Err("npm is missing; install Node.js 20 or later".into());
    }
    let folder = place::tools().join("binaryen");
    fs::create_dir_all(&folder)?;
    run(program("npm")
        .args([
            "install",
            "--no-audit",
            "--no-fund",
            "--no-save",
            "--loglevel=error",
            "--prefix",
        ])
        .arg(&folder)
        .arg(format!("binaryen@{BINARYEN}"))
        .current_dir(&folder))?;
    let script = folder.join("node_modules/binaryen/bin/wasm-opt");
    link(&script, &place::tools_bin().join("wasm-opt"))
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> Result {
    let _ = fs::remove_file(to);
    std::os::unix::fs::symlink(from, to)?;
    Ok(())
}

#[cfg(not(unix))]
fn link(from: &Path, to: &Path) -> Result {
    let to = to.with_extension("cmd");
    fs::write(to, format!("@node \"{}\" %*\r\n", from.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_exact_package_in_a_lock_file() {
        let lock = "[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \
                    \"wasm-bindgen\"\nversion = \"0.2.130\"\nsource = \"x\"\n";
        assert_eq!(
            version_in_lock(lock, "wasm-bindgen").as_deref(),
            Some("0.2.130")
        );
        assert_eq!(version_in_lock(lock, "wasm"), None);
    }
}
