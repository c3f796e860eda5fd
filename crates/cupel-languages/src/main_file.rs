//! Chooses the main file of a program whose author does not name it.

use crate::Registry;

/// A file of a program.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Path relative to the program's directory.
    pub path: &'a str,
    /// Whether its executable bit is set.
    pub executable: bool,
    /// Whether it begins with `#!`.
    pub is_script: bool,
}

impl Registry {
    /// Index of the main file of a program with several sources: the source named `main`, else `run` (in upper or lower
    /// case), else the only executable source, else the first script. `None` if none of these exists, or if there is at
    /// most one source.
    pub fn main_file(&self, files: &[Candidate<'_>]) -> Option<usize> {
        let is_source = |file: &Candidate<'_>| {
            split(file.path).is_some_and(|(_, extension)| self.by_extension(extension).is_some())
        };
        let sources: Vec<(usize, &Candidate<'_>)> =
            files.iter().enumerate().filter(|(_, file)| is_source(file)).collect();
        if sources.len() < 2 {
            return None;
        }
        let first =
            |wanted: &dyn Fn(&Candidate<'_>) -> bool| sources.iter().find(|(_, file)| wanted(file)).map(|(at, _)| *at);
        let named =
            |wanted: &str| first(&|file| split(file.path).is_some_and(|(stem, _)| stem.eq_ignore_ascii_case(wanted)));
        let is_only = sources.iter().filter(|(_, file)| file.executable).count() == 1;
        named("main")
            .or_else(|| named("run"))
            .or_else(|| first(&|file| is_only && file.executable))
            .or_else(|| first(&|file| file.is_script))
    }
}

/// Splits a path's last component into its stem and its extension.
fn split(path: &str) -> Option<(&str, &str)> {
    path.rsplit('/').next().unwrap_or(path).rsplit_once('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each file is a path, with `x` after a space if it is executable, and `#` if it is a script.
    fn chosen<'f>(files: &[&'f str]) -> Option<&'f str> {
        let candidate = |file: &&'f str| {
            let (path, marks) = file.split_once(' ').unwrap_or((file, ""));
            Candidate { path, executable: marks.contains('x'), is_script: marks.contains('#') }
        };
        let candidates: Vec<_> = files.iter().map(candidate).collect();
        Registry::load(None).unwrap().main_file(&candidates).map(|at| candidates[at].path)
    }

    #[test]
    fn the_main_file_is_chosen_in_the_documented_order() {
        assert_eq!(chosen(&["lib.sh", "run.sh"]), Some("run.sh"));
        assert_eq!(chosen(&["a.sh x#", "b/Main.sh", "run.sh"]), Some("b/Main.sh"));
        assert_eq!(chosen(&["a.py #", "b.py x"]), Some("b.py"));
        assert_eq!(chosen(&["a.py x", "b.py x#"]), Some("b.py"), "two files are executable");
        assert_eq!(chosen(&["a.py", "b.py #", "c.py #"]), Some("b.py"));
        assert_eq!(chosen(&["a.py", "b.py"]), None);
        assert_eq!(chosen(&["a.py", "run", "main.txt x#"]), None, "only sources count");
    }
}
