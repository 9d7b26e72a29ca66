//! The reference of a bundle's image, made of what the bundle says of itself.

use std::str::FromStr;

/// A reference with `{{.Package}}`, `{{.Name}}` and `{{.Version}}` in it, as opm's `--alpha-image-ref-template` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageTemplate(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Package,
    Name,
    Version,
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{{{{{0}}}}}` is not one of {{{{.Package}}}}, {{{{.Name}}}} and {{{{.Version}}}}")]
pub struct InvalidTemplate(String);

impl FromStr for ImageTemplate {
    type Err = InvalidTemplate;

    fn from_str(mut text: &str) -> Result<Self, InvalidTemplate> {
        let mut pieces = Vec::new();
        while let Some((before, rest)) = text.split_once("{{") {
            let (field, after) = rest.split_once("}}").ok_or_else(|| InvalidTemplate(rest.to_owned()))?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(match field.trim() {
                ".Package" => Piece::Package,
                ".Name" => Piece::Name,
                ".Version" => Piece::Version,
                _ => return Err(InvalidTemplate(field.to_owned())),
            });
            text = after;
        }
        pieces.push(Piece::Text(text.to_owned()));
        Ok(Self(pieces))
    }
}

impl ImageTemplate {
    /// The reference of one bundle.
    pub fn fill(&self, package: &str, name: &str, version: &str) -> String {
        let piece = |piece: &'_ Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Package => package.to_owned(),
            Piece::Name => name.to_owned(),
            Piece::Version => version.to_owned(),
        };
        self.0.iter().map(piece).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_filled_in_and_others_refused() {
        let fill = |text: &str| text.parse::<ImageTemplate>().map(|it| it.fill("p", "p.v1", "1+2"));
        assert_eq!(fill("r/{{.Package}}/{{ .Name }}:v{{.Version}}").unwrap(), "r/p/p.v1:v1+2");
        assert_eq!(fill("plain}}").unwrap(), "plain}}");
        assert_eq!(
            fill("{{.Digest}}").unwrap_err().to_string(),
            "`{{.Digest}}` is not one of {{.Package}}, {{.Name}} and {{.Version}}"
        );
        assert!(fill("{{.Name").is_err());
    }
}
