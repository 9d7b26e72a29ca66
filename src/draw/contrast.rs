//! How well one colour can be read on another (WCAG 2.2, contrast ratio), for the tests of whoever chooses colours.

/// From 1 to 21, of two colours as `#rrggbb`. Text needs 4.5.
pub(crate) fn contrast(front: &str, back: &str) -> f64 {
    let (one, other) = (luminance(front), luminance(back));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(colour: &str) -> f64 {
    let digits = colour.strip_prefix('#').unwrap();
    assert_eq!(digits.len(), 6, "{colour}");
    let part = |at: usize| {
        let value = f64::from(u8::from_str_radix(&digits[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
}

#[test]
fn black_on_white_is_the_most() {
    assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 1e-9);
    assert!((contrast("#777777", "#ffffff") - 4.478).abs() < 1e-3);
}
