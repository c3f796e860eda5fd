//! Entry points: the class with `main`, and the file names that a compiler requires.
//!
//! ```text
//!  sources ──files_named_by_type──► compiler ──class files──► main_class ──► `{main_class}` of the command
//! ```
//!
//! Invariant: a class name is put on a command line only if it consists of identifiers; see `class_file.rs`.

use std::collections::HashMap;

use cupel_types::{BoxFile, BoxFiles, BoxPath};

use crate::Language;
use crate::class_file::Class;
use crate::public_type::public_type;

/// Maximum number of superclasses searched for an inherited `main`.
const ANCESTORS_MAX: usize = 64;

impl Language {
    /// Renames source files as the compiler requires: a file with a public type gets the type's name. A file keeps its
    /// name if the new name belongs to another file or is not a valid path.
    pub fn files_named_by_type(&self, files: &BoxFiles) -> BoxFiles {
        if self.named_by_type.is_empty() {
            return files.clone();
        }
        let mut renamed: Vec<BoxFile> = files.iter().cloned().collect();
        for at in 0..renamed.len() {
            let Some(path) = self.path_by_type(&renamed[at]) else { continue };
            let is_free = renamed.iter().enumerate().all(|(i, other)| i == at || !other.path.clashes_with(&path));
            if is_free {
                renamed[at].path = path;
            }
        }
        BoxFiles::new(renamed)
    }

    fn path_by_type(&self, file: &BoxFile) -> Option<BoxPath> {
        let (folder, name) = split(file.path.as_str());
        let (stem, extension) = name.rsplit_once('.')?;
        let is_own = self.source.as_str().rsplit_once('.').is_some_and(|(_, own)| own == extension);
        if !is_own && !self.extensions.iter().any(|known| known == extension) {
            return None;
        }
        let text = String::from_utf8_lossy(&file.data);
        let wanted = public_type(&text, &self.named_by_type).filter(|wanted| *wanted != stem)?;
        BoxPath::new(&format!("{folder}{wanted}.{extension}")).ok()
    }

    /// The class to start, chosen from the class files of a compilation. `None` if the language does not start classes,
    /// or no class has `main`. `main` is the path of the main source as submitted; `sources` are the files as compiled;
    /// `entry` is the file or class named by the problem's author.
    ///
    /// Order of preference: the class named by `entry`; the patterns in the language's `main_class`; a class that
    /// declares `main` over one that inherits it; a class that is not nested; a public class; the first in source
    /// order.
    pub fn main_class(
        &self,
        made: &BoxFiles,
        main: &BoxPath,
        sources: &BoxFiles,
        entry: Option<&str>,
    ) -> Option<String> {
        if self.main_class.is_empty() {
            return None;
        }
        let classes: Vec<Class> = made.iter().filter_map(|file| Class::read(&file.data)).collect();
        let by_name: HashMap<&str, &Class> = classes.iter().map(|class| (class.name.as_str(), class)).collect();
        let inherits = |class: &Class| {
            let mut ancestor = class.extends.as_deref().and_then(|name| by_name.get(name).copied());
            for _ in 0..ANCESTORS_MAX {
                match ancestor {
                    Some(class) if class.has_main => return true,
                    Some(class) => ancestor = class.extends.as_deref().and_then(|name| by_name.get(name).copied()),
                    None => return false,
                }
            }
            false
        };
        let name = split(main.as_str()).1;
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let preferred: Vec<String> = self.main_class.iter().map(|name| same(&name.replace("{stem}", stem))).collect();
        // If several sources have the same file name, the first one is used.
        let mut order: HashMap<&str, usize> = HashMap::new();
        for (at, source) in sources.iter().enumerate() {
            order.entry(split(source.path.as_str()).1).or_insert(at);
        }
        let entry_stem = entry.map(|entry| match entry.rsplit_once('.') {
            Some((stem, extension)) if self.extensions.iter().any(|known| known == extension) => stem,
            _ => entry,
        });
        let place = |class: &Class| {
            let simple = class.name.rsplit('.').next().unwrap_or_default();
            let is_entry = entry_stem.is_some_and(|entry| entry == class.name || split(entry).1 == simple);
            let preference = preferred.iter().position(|name| *name == same(simple)).unwrap_or(usize::MAX);
            let file = class.source.as_deref().and_then(|name| order.get(name)).copied().unwrap_or(usize::MAX);
            let line = class.main_line.unwrap_or(u16::MAX);
            (!is_entry, preference, !class.has_main, simple.contains('$'), !class.is_public, file, line)
        };
        let candidates = classes.iter().filter(|class| class.has_main || inherits(class));
        let best = candidates.map(|class| (place(class), &class.name)).min();
        best.map(|(_, name)| name.clone())
    }
}

/// Splits a path into the folder, with its `/`, and the file name.
fn split(path: &str) -> (&str, &str) {
    path.split_at(path.rfind('/').map_or(0, |slash| slash + 1))
}

/// Normalizes a name for comparison. To derive a class name from a file name, compilers capitalize the first letter and
/// replace invalid characters by `_`.
fn same(name: &str) -> String {
    name.trim_start_matches('_')
        .chars()
        .map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;
    use crate::class_file::tests::class_file;

    fn file(path: &str, data: &[u8]) -> BoxFile {
        BoxFile { path: BoxPath::new(path).unwrap(), data: data.into(), executable: false }
    }

    fn language(id: &str) -> Language {
        Registry::load(None).unwrap().find(id).unwrap().clone()
    }

    /// The name of a compiled class, its access flags, whether it has `main`, and the line of `main`.
    type Made<'a> = (&'a str, u16, bool, u16);

    #[track_caller]
    fn check(source: &str, entry: Option<&str>, made: &[Made<'_>], expected: Option<&str>) {
        let class = |(name, access, has_main, line): &Made<'_>| {
            let method = if *has_main { "main" } else { "other" };
            file(&format!("{name}.class"), &class_file(name, "java/lang/Object", *access, method, 9, *line))
        };
        let made = BoxFiles::new(made.iter().map(class).collect());
        let sources = BoxFiles::new(vec![file(source, b"")]);
        let main = BoxPath::new(source).unwrap();
        assert_eq!(language("java").main_class(&made, &main, &sources, entry).as_deref(), expected);
    }

    #[test]
    fn the_class_with_main_is_found_under_any_name() {
        check("Main.java", None, &[("Hello", 1, true, 1)], Some("Hello"));
        check("Main.java", None, &[("A", 1, false, 1), ("Solution", 0, true, 9)], Some("Solution"));
        check("Main.java", None, &[("a/b/Hello", 1, true, 1)], Some("a.b.Hello"));
        check("Main.java", None, &[("A", 1, false, 1)], None);
        check("Main.java", None, &[], None);
    }

    #[test]
    fn the_class_to_start_is_chosen_in_the_documented_order() {
        let all = [("A", 0, true, 3), ("B", 0, true, 1), ("P", 1, true, 9), ("Main", 0, true, 20), ("F", 0, true, 30)];
        check("Main.java", Some("B"), &all, Some("B"));
        check("Main.java", Some("x/B.java"), &all, Some("B"));
        check("F.java", None, &all, Some("F"));
        check("Main.java", None, &all, Some("Main"));
        check("Main.java", None, &all[..3], Some("P"));
        check("Main.java", None, &all[..2], Some("B"));
        check("Main.java", None, &[("A$B", 1, true, 1), ("C", 0, true, 5)], Some("C"));
    }

    #[test]
    fn an_inherited_main_counts() {
        let made = BoxFiles::new(vec![
            file("Base.class", &class_file("Base", "java/lang/Object", 0, "main", 9, 1)),
            file("Main.class", &class_file("Main", "Base", 1, "other", 1, 5)),
            // The superclasses form a cycle, which no compiler produces.
            file("X.class", &class_file("X", "Y", 1, "other", 1, 5)),
            file("Y.class", &class_file("Y", "X", 1, "other", 1, 5)),
        ]);
        let sources = BoxFiles::new(vec![file("Main.java", b"")]);
        let main = BoxPath::new("Main.java").unwrap();
        assert_eq!(language("java").main_class(&made, &main, &sources, None).as_deref(), Some("Main"));
    }

    #[test]
    fn a_source_is_named_after_its_public_type_if_the_compiler_requires_it() {
        let names = |id: &str, files: &[(&str, &str)]| -> Vec<String> {
            let files = files.iter().map(|(path, text)| file(path, text.as_bytes())).collect();
            language(id).files_named_by_type(&BoxFiles::new(files)).iter().map(|f| f.path.to_string()).collect()
        };
        let hello = "public class Hello {}";
        assert_eq!(names("java", &[("Main.java", hello)]), ["Hello.java"]);
        assert_eq!(names("java", &[("src/Main.java", hello), ("a.txt", hello)]), ["src/Hello.java", "a.txt"]);
        assert_eq!(names("java", &[("Main.java", hello), ("Hello.java", "class X {}")]), ["Main.java", "Hello.java"]);
        assert_eq!(names("kotlin", &[("main.kt", hello)]), ["main.kt"]);
    }
}
