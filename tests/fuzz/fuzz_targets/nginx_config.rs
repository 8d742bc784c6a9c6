//! Any bytes as an nginx configuration: the first part is the main file, the others are `/etc/0`,
//! `/etc/1`, … that it may include. Reading them must end in a tree or an error, translating that
//! in a configuration whose written file reads back, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rpushd::config::{Config, DiskFiles, Overrides};
use rpushd::nginx_import::{Files, Placement, Scopes, load, translate};
use std::ffi::OsString;
use std::path::Path;

/// What separates the parts; no byte of UTF-8 text.
const SEPARATOR: u8 = 0xff;

struct Parts<'d>(Vec<&'d [u8]>);

impl Files for Parts<'_> {
    fn read(&self, path: &Path, _bytes_max: usize) -> Result<Vec<u8>, String> {
        let name = path.strip_prefix("/etc").ok().and_then(Path::to_str);
        let index: Option<usize> = match name {
            Some("main") => Some(0),
            Some(name) => name.parse::<usize>().ok().and_then(|index| index.checked_add(1)),
            None => None,
        };
        let part = index.and_then(|index| self.0.get(index));
        part.map(|text| text.to_vec()).ok_or_else(|| "2: No such file or directory".to_owned())
    }

    fn list(&self, folder: &Path) -> Vec<OsString> {
        match folder == Path::new("/etc") {
            true => (1..self.0.len()).map(|part| (part - 1).to_string().into()).collect(),
            false => Vec::new(),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let parts = Parts(data.split(|byte| *byte == SEPARATOR).collect());
    let Ok(tree) = load(Path::new("/etc/main"), &parts) else { return };
    let Ok(scopes) = Scopes::read(&tree) else { return };
    for id in scopes.ids() {
        scopes.role(id);
        for directive in &scopes.scope(id).directives {
            let text = &tree.file(directive.file).text[directive.span.clone()];
            assert!(matches!(text.last(), Some(b';' | b'}')));
        }
    }
    let upstream = ([127, 0, 0, 1], 45831).into();
    for placement in [Placement::Instead, Placement::Behind { upstream }] {
        let Ok(translation) = translate(&scopes, placement, &parts) else { continue };
        translation.nginx_diff(&tree);
        translation.report(placement);
        if translation.config.has_locations() {
            let text = translation.to_toml();
            let file = Some(("rpushd.toml", text.as_str()));
            Config::from_sources(file, &Default::default(), &DiskFiles, &Overrides::default())
                .unwrap_or_else(|error| panic!("{error}\n{text}"));
        }
    }
});
