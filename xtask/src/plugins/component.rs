//! From a core module to a component, and its custom sections.

use anyhow::Context;
use wit_component::ComponentEncoder;

/// The component of a core module that wit-bindgen described.
pub fn of_core_module(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .context("the module does not say what it is")?
        .encode()
        .context("the module does not do what it says")
}

/// A module or component with one more custom section at its end.
pub fn with_section(mut wasm: Vec<u8>, name: &str, content: &str) -> Vec<u8> {
    let mut body = leb128(name.len());
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(content.as_bytes());
    wasm.push(0);
    wasm.extend(leb128(body.len()));
    wasm.extend(body);
    wasm
}

/// A number as WebAssembly writes it.
fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::{leb128, with_section};

    #[test]
    fn numbers_are_written_in_sevens_of_bits() {
        assert_eq!(leb128(0), [0]);
        assert_eq!(leb128(127), [127]);
        assert_eq!(leb128(624_485), [0xe5, 0x8e, 0x26]);
    }

    #[test]
    fn a_section_has_its_length_its_name_and_its_content() {
        let wasm = with_section(vec![9], "ab", "cde");
        assert_eq!(wasm, [9, 0, 6, 2, b'a', b'b', b'c', b'd', b'e']);
    }
}
