//! Subresource integrity for what the bundler leaves without: the page's module and its WebAssembly, and all that the
//! engine's worker loads. A browser has no such check for the page itself and for a worker's first script.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha384};

use crate::Result;

/// What names the module of the page in `index.html`, as the bundler writes it.
const IMPORT: (&str, &str) = (
    "<script type=\"module\">\nimport init, * as bindings from '",
    "'",
);
/// What names its WebAssembly.
const INIT: (&str, &str) = ("await init({ module_or_path: '", "' })");

/// Rewrites the page and the worker's first script in a folder that the bundler has just written.
pub fn seal(dist: &Path) -> Result {
    let page = dist.join("index.html");
    let html = fs::read_to_string(&page)?;
    fs::write(&page, seal_page(&html, &|name| integrity(dist, name))?)?;
    let script = rename(dist, "engine", ".js")?;
    let wasm = rename(dist, "engine", "_bg.wasm")?;
    let loader = worker(
        (&script, &integrity(dist, &script)?),
        (&wasm, &integrity(dist, &wasm)?),
    );
    fs::write(dist.join("engine_loader.js"), loader)?;
    Ok(())
}

/// A page whose module and WebAssembly are checked: an import map does so for modules, `fetch` for the other.
fn seal_page(html: &str, integrity: &dyn Fn(&str) -> Result<String>) -> Result<String> {
    let module = between(html, IMPORT)?;
    let wasm = between(html, INIT)?;
    let map = format!(
        "<script type=\"importmap\">{{\"integrity\":{{\"{module}\":\"{}\"}}}}</script>\n{}{module}",
        integrity(module.trim_start_matches('/'))?,
        IMPORT.0,
    );
    let fetch = format!(
        "await init({{ module_or_path: fetch('{wasm}', {{ integrity: '{}' }}) }})",
        integrity(wasm.trim_start_matches('/'))?
    );
    Ok(html
        .replace(&format!("{}{module}", IMPORT.0), &map)
        .replace(&format!("{}{wasm}{}", INIT.0, INIT.1), &fetch))
}

/// The one text between two others.
fn between<'a>(html: &'a str, (before, after): (&str, &str)) -> Result<&'a str> {
    let mut places = html.split(before).skip(1);
    match (
        places.next().and_then(|rest| rest.split_once(after)),
        places.next(),
    ) {
        (Some((found, _)), None) => Ok(found),
        _ => Err(
            format!("index.html does not hold {before:?} once: has the bundler changed?").into(),
        ),
    }
}

/// The worker's first script. A module that a worker imports cannot be checked by itself: its file is checked on the
/// way into the browser's cache, from which it is then imported, since its name says that it never changes.
fn worker(script: (&str, &str), wasm: (&str, &str)) -> String {
    format!(
        "const load = (path, integrity) => fetch(path, {{ integrity }});\n\
         const wasm = load('/{}', '{}');\n\
         await load('/{}', '{}');\n\
         const {{ default: init }} = await import('/{2}');\n\
         await init({{ module_or_path: wasm }});\n",
        wasm.0, wasm.1, script.0, script.1
    )
}

/// Gives a file's name a hash of its content, so that it can be cached for ever; the new name.
fn rename(dist: &Path, stem: &str, ending: &str) -> Result<String> {
    let old = dist.join(format!("{stem}{ending}"));
    let digest = Sha256::digest(fs::read(&old)?);
    let hash: String = digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let name = format!("{stem}-{hash}{ending}");
    fs::rename(&old, dist.join(&name))?;
    Ok(name)
}

/// A file's value for `integrity` (W3C Subresource Integrity, section 3.1).
fn integrity(dist: &Path, name: &str) -> Result<String> {
    let content = fs::read(dist.join(name)).map_err(|error| format!("{name}: {error}"))?;
    Ok(format!(
        "sha384-{}",
        STANDARD.encode(Sha384::digest(content))
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<head>\n<script type=\"module\">\nimport init, * as bindings from '/app-1.js';\n\
        const wasm = await init({ module_or_path: '/app-1_bg.wasm' });\n</script></head>";

    #[test]
    fn the_page_names_the_digests_of_what_it_loads() {
        let sealed = seal_page(PAGE, &|name| Ok(format!("sha384-of-{name}"))).unwrap();
        let expected = "<head>\n<script type=\"importmap\">{\"integrity\":{\"/app-1.js\":\"sha384-of-app-1.js\"}}</script>\n\
            <script type=\"module\">\nimport init, * as bindings from '/app-1.js';\n\
            const wasm = await init({ module_or_path: fetch('/app-1_bg.wasm', { integrity: 'sha384-of-app-1_bg.wasm' }) });\n\
            </script></head>";
        assert_eq!(sealed, expected);
    }

    #[test]
    fn a_page_of_another_shape_is_refused() {
        for other in [
            PAGE.replace("import init", "import start"),
            format!("{PAGE}{PAGE}"),
        ] {
            assert!(
                seal_page(&other, &|_| Ok(String::new())).is_err(),
                "{other}"
            );
        }
    }
}
