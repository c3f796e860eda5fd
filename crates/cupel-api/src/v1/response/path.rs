//! Texts in the paths of URLs.

/// The text as one path segment: every character except unreserved ones is encoded. Source: RFC 3986, section 2.3.
pub(crate) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_one_segment() {
        assert_eq!(encoded("images/é 1.png"), "images%2F%C3%A9%201.png");
    }
}
