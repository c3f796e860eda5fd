//! Languages and probes for the tests of the registry.

use cupel_types::{ContentHash, ImageName, Root};

use super::Registry;
use crate::{FoundImage, Language, LoadError, Probe, file};

/// The text of a language file.
pub(super) fn language(id: &str, aliases: &str, extensions: &str) -> String {
    format!(
        "name = 'Name of {id}'\naliases = [{aliases}]\nextensions = [{extensions}]\nsource = 'main.x'\n\
         execute = ['{id}', '{{source}}']\nversion = {{ command = ['{id}', '--version'] }}\nsamples = []\n[packages]\n"
    )
}

/// A registry of languages, each with its id, aliases and extensions.
pub(super) fn registry(files: &[(&str, &str, &str)]) -> Result<Registry, LoadError> {
    let parsed = files.iter().map(|(id, aliases, extensions)| {
        let name = format!("{id}.toml");
        file::parse(&name, &name, &language(id, aliases, extensions)).unwrap()
    });
    Registry::new(parsed.collect())
}

/// A probe that finds one image, whose programs print this text.
pub(super) struct OneImage(pub(super) &'static str);

impl Probe for OneImage {
    fn version(&self, _: &[String]) -> Result<String, String> {
        Ok("1.2.3".to_owned())
    }

    fn image(&self, name: &ImageName, _: &Language) -> Result<FoundImage, String> {
        match name.as_str() {
            "there:latest" => Ok(FoundImage {
                digest: ContentHash::from_bytes([0xab; 32]),
                env: vec![("A".to_owned(), "image".to_owned()), ("PATH".to_owned(), "/image".to_owned())],
                root: Root::System,
            }),
            other => Err(format!("no image {other}")),
        }
    }

    fn version_in(&self, _: &FoundImage, _: &[String]) -> Result<String, String> {
        Ok(self.0.to_owned())
    }

    fn is_installed_in(&self, _: &FoundImage, program: &str) -> Result<bool, String> {
        Ok(program != "missing")
    }
}

/// A language in an image; `execute` is its program.
pub(super) fn in_image(id: &str, image: &str, execute: &str, version_of: Option<&str>) -> Language {
    let text = format!(
        "name = 'x'\nimage = '{image}'\nextensions = []\nsource = 'main'\nexecute = ['{execute}']\n\
         version = {{ command = ['x'] }}\nsamples = []\nenv = {{ A = 'language' }}\n{}",
        version_of.map(|id| format!("version_of = '{id}'\n")).unwrap_or_default()
    );
    let name = format!("{id}.toml");
    file::parse(&name, &name, &text).unwrap()
}
