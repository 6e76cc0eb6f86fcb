//! Random identities.

use uuid::Uuid;

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const LEN: usize = 128;

/// 128 random characters of `[0-9a-z]`, as W&B names artifacts that the server does not know yet.
pub fn random_id() -> String {
    let mut id = String::with_capacity(LEN);
    while id.len() < LEN {
        // Bytes 6 and 8 hold bits that are not random.
        let random = Uuid::new_v4().into_bytes();
        for (_, byte) in random
            .into_iter()
            .enumerate()
            .filter(|(place, _)| ![6, 8].contains(place))
        {
            // 252 is the largest multiple of 36 in a byte: no digit is likelier than another.
            let digit = DIGITS.get(usize::from(byte % 36));
            if let Some(&digit) = digit.filter(|_| byte < 252 && id.len() < LEN) {
                id.push(char::from(digit));
            }
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_128_characters_and_is_never_the_same() {
        let (one, two) = (random_id(), random_id());
        assert_eq!(one.len(), 128);
        assert!(one.bytes().all(|byte| DIGITS.contains(&byte)));
        assert_ne!(one, two);
    }
}
