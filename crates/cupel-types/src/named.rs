//! Enums whose variants have stable names.

/// Defines an enum without data, the list of all its variants, and the conversions between a variant and its stable
/// name. One table defines them all, so no conversion can miss a variant.
#[macro_export]
macro_rules! named {
    (
        $(#[$meta:meta])*
        pub enum $Enum:ident, $to:ident, $from:ident {
            $($(#[$variant_meta:meta])* $Variant:ident = $name:literal,)+
        }
    ) => {
        $(#[$meta])*
        pub enum $Enum {
            $($(#[$variant_meta])* $Variant,)+
        }

        impl $Enum {
            /// Every variant, in declaration order.
            pub const ALL: [$Enum; [$($name),+].len()] = [$($Enum::$Variant),+];

            /// Stable name in the API, the store, metrics and the command line.
            pub const fn $to(self) -> &'static str {
                match self {
                    $($Enum::$Variant => $name,)+
                }
            }

            /// The variant with this stable name.
            pub fn $from(name: &str) -> Option<$Enum> {
                $Enum::ALL.into_iter().find(|one| one.$to() == name)
            }
        }
    };
}

#[cfg(test)]
#[expect(unreachable_pub, reason = "the macro defines public items")]
mod tests {
    crate::named! {
        /// A colour.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Colour, as_str, from_name {
            /// Hex `ff0000`.
            Red = "red",
            /// Hex `00ff00`.
            Green = "green",
        }
    }

    #[test]
    fn a_variant_and_its_name_convert_into_each_other() {
        assert_eq!(Colour::ALL.map(Colour::as_str), ["red", "green"]);
        assert_eq!(Colour::from_name("green"), Some(Colour::Green));
        assert_eq!(Colour::from_name("Green"), None);
    }
}
