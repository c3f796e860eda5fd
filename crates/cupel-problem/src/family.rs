//! Families of languages: the standards, compilers and interpreters that the formats of packages treat as one language.
//!
//! A package names a language, such as `cpp`. Contestants choose one of its versions, such as C++20 or C++23. The
//! judge, the importers and the exporter must agree on the versions, so they share this table.

/// The ids of each family. The first is the language that a package names. (Python 2 is another language in the
/// formats.)
const FAMILIES: [&[&str]; 6] = [
    &["c", "c-clang", "c11", "c23"],
    &["cpp", "cpp-clang", "cpp11", "cpp14", "cpp20", "cpp23"],
    &["python", "pypy"],
    &["lisp", "clisp", "ecl"],
    &["lua", "luajit"],
    &["typescript", "bun", "deno"],
];

/// Returns the id of the language that packages name for this one. A language without other versions is its own family.
pub fn family_of(id: &str) -> &str {
    ids_in(id).and_then(|ids| ids.first().copied()).unwrap_or(id)
}

/// Returns the ids of the family of a language. Empty if the language has no other versions.
pub fn family_members(id: &str) -> &'static [&'static str] {
    ids_in(id).unwrap_or_default()
}

fn ids_in(id: &str) -> Option<&'static [&'static str]> {
    FAMILIES.into_iter().find(|ids| ids.contains(&id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_belong_to_the_family_of_their_language() {
        for (id, family) in [("cpp23", "cpp"), ("cpp", "cpp"), ("pypy", "python"), ("python2", "python2"), ("x", "x")] {
            assert_eq!(family_of(id), family, "{id}");
        }
        assert_eq!(family_members("luajit"), ["lua", "luajit"]);
        assert!(family_members("rust").is_empty());
    }

    #[test]
    fn each_language_is_in_one_family() {
        let all: Vec<&str> = FAMILIES.into_iter().flatten().copied().collect();
        let unique: std::collections::BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(unique.len(), all.len());
    }
}
