//! Reads the parts of a JVM class file that are needed to start the class: its name, whether it has `main`, and the
//! line of `main`.
//!
//! The file is untrusted: it was produced by a compiler from a tenant's source, or by the tenant. Every length is
//! checked, each byte is read once, and a file that cannot be parsed is ignored.
//! Source: The Java Virtual Machine Specification, Java SE 17, chapter 4; JEP 512 for `main` without `public static`.

/// Major version from which the Java launcher accepts a `main` that is not public or not static. Source: JEP 512 (JDK
/// 25).
const RELAXED_MAIN_MAJOR: u16 = 69;
const PUBLIC: u16 = 0x0001;
const PRIVATE: u16 = 0x0002;
const STATIC: u16 = 0x0008;

/// The parts of a class file that Cupel uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    /// Name with dots between packages, as `java` expects it.
    pub(crate) name: String,
    /// Name of the superclass, in the same form.
    pub(crate) extends: Option<String>,
    pub(crate) is_public: bool,
    /// Whether the launcher can start the class by a `main` that the class itself declares.
    pub(crate) has_main: bool,
    /// Lowest line number of the methods called `main`.
    pub(crate) main_line: Option<u16>,
    /// File name of the source.
    pub(crate) source: Option<String>,
}

impl Class {
    /// Parses a class file; `None` if it is malformed, or its name does not consist of identifiers.
    pub(crate) fn read(bytes: &[u8]) -> Option<Class> {
        let mut from = Bytes(bytes);
        if from.u32()? != 0xcafe_babe {
            return None;
        }
        let _minor = from.u16()?;
        let major = from.u16()?;
        let pool = Pool::read(&mut from)?;
        let access = from.u16()?;
        let name = source_name(pool.class(from.u16()?)?)?;
        let extends = pool.class(from.u16()?).and_then(source_name);
        let interfaces = from.u16()?;
        from.skip(usize::from(interfaces) * 2)?;
        let mut class =
            Class { name, extends, is_public: access & PUBLIC != 0, has_main: false, main_line: None, source: None };
        for _ in 0..from.u16()? {
            from.skip(6)?;
            for _ in 0..from.u16()? {
                let _name = from.u16()?;
                from.block()?;
            }
        }
        for _ in 0..from.u16()? {
            let access = from.u16()?;
            let is_main = pool.text(from.u16()?) == Some("main");
            let descriptor = pool.text(from.u16()?);
            class.has_main |= is_main && starts(access, descriptor, major);
            for _ in 0..from.u16()? {
                let attribute = pool.text(from.u16()?);
                let mut block = from.block()?;
                if is_main && attribute == Some("Code") {
                    let line = first_line(&mut block, &pool);
                    class.main_line = class.main_line.into_iter().chain(line).min();
                }
            }
        }
        for _ in 0..from.u16()? {
            let attribute = pool.text(from.u16()?);
            let mut block = from.block()?;
            if attribute == Some("SourceFile") {
                class.source = block.u16().and_then(|at| pool.text(at)).map(str::to_owned);
            }
        }
        Some(class)
    }
}

/// Whether the launcher accepts this method, which is called `main`, as the entry point.
fn starts(access: u16, descriptor: Option<&str>, major: u16) -> bool {
    let takes_arguments = descriptor == Some("([Ljava/lang/String;)V");
    if major < RELAXED_MAIN_MAJOR {
        return takes_arguments && access & PUBLIC != 0 && access & STATIC != 0;
    }
    (takes_arguments || descriptor == Some("()V")) && access & PRIVATE == 0
}

/// The name with dots, if it consists of identifiers. The launcher cannot mistake such a name for an option.
fn source_name(name: &str) -> Option<String> {
    const NAME_BYTES_MAX: usize = 1000;
    let is_identifier = |part: &str| {
        let starts_well = part.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '$');
        starts_well && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$')
    };
    (name.len() <= NAME_BYTES_MAX && name.split('/').all(is_identifier)).then(|| name.replace('/', "."))
}

/// The lowest line number in a `Code` attribute.
fn first_line(code: &mut Bytes<'_>, pool: &Pool<'_>) -> Option<u16> {
    let _stack_and_locals = code.u32()?;
    let length = code.u32()?;
    code.skip(usize::try_from(length).ok()?)?;
    let handlers = code.u16()?;
    code.skip(usize::from(handlers) * 8)?;
    let mut first: Option<u16> = None;
    for _ in 0..code.u16()? {
        let attribute = pool.text(code.u16()?);
        let mut block = code.block()?;
        if attribute == Some("LineNumberTable") {
            for _ in 0..block.u16()? {
                let _at = block.u16()?;
                let line = block.u16()?;
                first = Some(first.map_or(line, |first| first.min(line)));
            }
        }
    }
    first
}

/// The constant pool, reduced to the constants from which names are built.
struct Pool<'b>(Vec<Constant<'b>>);

#[derive(Clone, Copy)]
enum Constant<'b> {
    Text(&'b str),
    /// Index of the class's name.
    Class(u16),
    Other,
}

impl<'b> Pool<'b> {
    fn read(from: &mut Bytes<'b>) -> Option<Pool<'b>> {
        let count = usize::from(from.u16()?);
        // Indices start at 1.
        let mut pool = vec![Constant::Other];
        while pool.len() < count {
            let constant = match from.u8()? {
                1 => {
                    let length = usize::from(from.u16()?);
                    // A constant that is not UTF-8 cannot be a name in source code.
                    std::str::from_utf8(from.take(length)?).map_or(Constant::Other, Constant::Text)
                }
                7 => Constant::Class(from.u16()?),
                8 | 16 | 19 | 20 => from.skip(2).map(|()| Constant::Other)?,
                15 => from.skip(3).map(|()| Constant::Other)?,
                3 | 4 | 9..=12 | 17 | 18 => from.skip(4).map(|()| Constant::Other)?,
                5 | 6 => {
                    from.skip(8)?;
                    // Such a constant occupies two entries.
                    pool.push(Constant::Other);
                    Constant::Other
                }
                _ => return None,
            };
            pool.push(constant);
        }
        Some(Pool(pool))
    }

    fn text(&self, at: u16) -> Option<&'b str> {
        match self.0.get(usize::from(at))? {
            Constant::Text(text) => Some(text),
            Constant::Class(_) | Constant::Other => None,
        }
    }

    fn class(&self, at: u16) -> Option<&'b str> {
        match self.0.get(usize::from(at))? {
            Constant::Class(name) => self.text(*name),
            Constant::Text(_) | Constant::Other => None,
        }
    }
}

/// Cursor over the remaining bytes.
struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.take(count).map(drop)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// The contents of an attribute, which follow their length.
    fn block(&mut self) -> Option<Bytes<'b>> {
        let length = self.u32()?;
        self.take(usize::try_from(length).ok()?).map(Bytes)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A class file with one method, in the format that a compiler writes.
    pub(crate) fn class_file(name: &str, extends: &str, access: u16, method: &str, flags: u16, line: u16) -> Vec<u8> {
        fn utf8(pool: &mut Vec<u8>, text: &str) {
            pool.push(1);
            pool.extend((text.len() as u16).to_be_bytes());
            pool.extend(text.as_bytes());
        }
        let mut bytes = vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61, 0, 13];
        utf8(&mut bytes, name); // 1
        bytes.extend([7, 0, 1]); // 2
        utf8(&mut bytes, extends); // 3
        bytes.extend([7, 0, 3]); // 4
        utf8(&mut bytes, method); // 5
        utf8(&mut bytes, "([Ljava/lang/String;)V"); // 6
        utf8(&mut bytes, "Code"); // 7
        utf8(&mut bytes, "LineNumberTable"); // 8
        utf8(&mut bytes, "SourceFile"); // 9
        utf8(&mut bytes, "Main.java"); // 10
        bytes.extend([5, 0, 0, 0, 0, 0, 0, 0, 1]); // 11 and 12
        bytes.extend(access.to_be_bytes());
        bytes.extend([0, 2, 0, 4, 0, 0, 0, 0, 0, 1]);
        bytes.extend(flags.to_be_bytes());
        bytes.extend([0, 5, 0, 6, 0, 1]);
        let table = [&[0, 8, 0, 0, 0, 6, 0, 1, 0, 0][..], &line.to_be_bytes()].concat();
        let code = [&[0, 0, 0, 1, 0, 0, 0, 1, 0xb1, 0, 0, 0, 1][..], &table].concat();
        bytes.extend([0, 7]);
        bytes.extend((code.len() as u32).to_be_bytes());
        bytes.extend(code);
        bytes.extend([0, 1, 0, 9, 0, 0, 0, 2, 0, 10]);
        bytes
    }

    #[test]
    fn name_main_and_line_are_read_from_a_class_file() {
        let class = Class::read(&class_file("a/b/Hello", "java/lang/Object", 0x21, "main", 9, 7)).unwrap();
        let expected = Class {
            name: "a.b.Hello".to_owned(),
            extends: Some("java.lang.Object".to_owned()),
            is_public: true,
            has_main: true,
            main_line: Some(7),
            source: Some("Main.java".to_owned()),
        };
        assert_eq!(class, expected);
    }

    #[test]
    fn only_a_public_static_main_can_be_started() {
        let has_main = |method: &str, flags: u16| {
            Class::read(&class_file("A", "B", 0x20, method, flags, 1)).is_some_and(|class| class.has_main)
        };
        assert!(has_main("main", PUBLIC | STATIC));
        assert!(!has_main("main", STATIC) && !has_main("main", PUBLIC) && !has_main("run", PUBLIC | STATIC));
    }

    #[test]
    fn a_truncated_or_corrupt_file_does_not_panic() {
        let good = class_file("Hello", "java/lang/Object", 0x21, "main", 9, 7);
        for cut in 0..good.len() {
            assert_eq!(Class::read(&good[..cut]), None, "{cut}");
        }
        for at in 0..good.len() {
            for value in [0, 1, 5, 0x7f, 0xff] {
                let mut bytes = good.clone();
                bytes[at] = value;
                let _ = Class::read(&bytes);
            }
        }
    }

    #[test]
    fn a_class_whose_name_is_not_an_identifier_is_ignored() {
        for (name, is_one) in [
            ("-version", false),
            ("@args", false),
            ("a/-b", false),
            ("a//b", false),
            ("a b", false),
            ("1a", false),
            ("a/B$C", true),
            ("Grüße", true),
        ] {
            assert_eq!(Class::read(&class_file(name, "X", 1, "main", 9, 1)).is_some(), is_one, "{name}");
        }
    }
}
