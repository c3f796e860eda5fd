//! The language files of the repository, compiled into the binary.

/// File name and contents of each, sorted by name. Made by `build.rs`.
pub(crate) const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use cupel_types::{Bytes, Verdict};

    use crate::{Language, Placeholders, Registry};

    fn shipped() -> Registry {
        Registry::load(None).unwrap()
    }

    fn verdict_of(language: &Language, sample: &str) -> Option<Verdict> {
        language.samples.iter().find(|s| s.name == sample).map(|s| s.verdict)
    }

    #[test]
    fn the_languages_that_were_promised_are_there() {
        let registry = shipped();
        for id in [
            "python",
            "javascript",
            "typescript",
            "java",
            "kotlin",
            "scala",
            "c",
            "cpp",
            "rust",
            "go",
            "csharp",
            "ruby",
            "php",
            "perl",
            "lua",
            "haskell",
            "ocaml",
            "r",
            "pascal",
            "fortran",
            "bash",
            "sql",
        ] {
            assert!(registry.iter().any(|l| l.id.as_str() == id), "{id}");
        }
        let core: BTreeSet<_> = registry.iter().filter(|l| l.packages.core).map(|l| l.id.as_str()).collect();
        let expected = ["python", "javascript", "java", "c", "cpp", "go", "ruby", "php", "perl", "lua", "bash"];
        assert_eq!(core, BTreeSet::from(expected));
    }

    #[test]
    fn names_and_defaults_that_the_api_promises_are_kept() {
        for (id, name, seconds, memory) in [
            ("python", "Python 3.11", 10, 256),
            ("java", "Java 17", 15, 512),
            ("javascript", "Node.js 20", 10, 256),
            ("cpp", "C++17", 15, 512),
        ] {
            let registry = shipped();
            let language = registry.find(id).unwrap();
            assert_eq!(language.name, name);
            assert_eq!(language.limits.cpu_time.as_secs(), seconds, "{id}");
            assert_eq!(language.limits.memory, Bytes::mib(memory), "{id}");
        }
    }

    #[test]
    fn every_language_has_the_required_samples() {
        for language in &shipped() {
            let verdict = |sample| verdict_of(language, sample);
            let id = &language.id;
            for accepted in ["hello", "echo", "args"] {
                assert_eq!(verdict(accepted), Some(Verdict::Accepted), "{id} {accepted}");
            }
            assert_eq!(verdict("runtime_error"), Some(Verdict::RuntimeError), "{id}");
            assert_eq!(verdict("time_limit"), Some(Verdict::TimeLimit), "{id}");
            if !language.compile.is_empty() {
                assert_eq!(verdict("compile_error"), Some(Verdict::CompileError), "{id}");
            }
        }
    }

    #[test]
    fn samples_prove_what_their_names_say() {
        for language in &shipped() {
            let mut names = BTreeSet::new();
            for sample in &language.samples {
                let what = format!("{} {}", language.id, sample.name);
                assert!(names.insert(&sample.name), "{what} comes twice");
                if sample.verdict == Verdict::Accepted {
                    assert!(sample.stdout.as_ref().is_some_and(|out| !out.is_empty()), "{what} proves nothing");
                }
                if sample.name == "echo" {
                    assert!(!sample.stdin.is_ascii(), "{what} shows nothing of encodings");
                    assert_eq!(sample.stdout.as_ref(), Some(&sample.stdin), "{what}");
                }
                if sample.verdict == Verdict::TimeLimit {
                    let cpu_time = sample.limits.cpu_time.expect("a small limit");
                    assert!(cpu_time <= std::time::Duration::from_secs(2), "{what} takes long");
                }
            }
        }
    }

    #[test]
    fn commands_name_only_places_that_the_sandbox_shows() {
        for language in &shipped() {
            let values = Placeholders::new(&language.source, language.limits.memory);
            let mut commands = language.compile_commands(&values);
            commands.push(language.execute_command(&values));
            for arg in commands.iter().flatten() {
                // Absolute paths inside an argument follow its beginning, a colon or an equals sign.
                for path in arg.split([':', '=']).filter(|part| part.starts_with('/')) {
                    let shown =
                        path.starts_with("/usr/") || language.mounts.iter().any(|m| path.starts_with(m.as_str()));
                    assert!(shown, "{}: {path}", language.id);
                }
                assert!(!arg.contains('{') && !arg.contains('}'), "{}: {arg}", language.id);
            }
            assert!(!language.name.contains('/'), "{}", language.name);
        }
    }

    #[test]
    fn every_language_names_what_provides_it() {
        for language in &shipped() {
            let packages = &language.packages;
            let provided = packages.debian.len() + packages.npm.len();
            assert!(provided > 0, "{}", language.id);
        }
    }

    #[test]
    fn a_compiled_language_hands_on_what_it_runs() {
        for language in &shipped() {
            assert_eq!(language.compile.is_empty(), language.artifacts.is_empty(), "{}", language.id);
            if !language.compile.is_empty() {
                assert!(!language.is_artifact(&language.source), "{}: the source travels", language.id);
            }
        }
    }
}
