//! Rectangles whose areas are as the weights, as square as they get (Bruls, Huizing, van Wijk: squarified treemaps, 2000).

/// A rectangle, in the drawing's units.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Area {
    pub(super) fn size(self) -> f64 {
        self.width * self.height
    }

    /// The same, less an edge on each side.
    pub(super) fn within(self, top: f64, edge: f64) -> Self {
        Self {
            x: self.x + edge,
            y: self.y + top,
            width: (self.width - 2.0 * edge).max(0.0),
            height: (self.height - top - edge).max(0.0),
        }
    }
}

/// Divides an area among weights, in their order; the heaviest should come first. Weights are finite and not negative.
pub(super) fn squarified(weights: &[f64], area: Area) -> Vec<Area> {
    let total: f64 = weights.iter().sum();
    if total <= 0.0 || area.size() <= 0.0 {
        return vec![Area { width: 0.0, height: 0.0, ..area }; weights.len()];
    }
    let scale = area.size() / total;
    let mut places = Vec::with_capacity(weights.len());
    let (mut left, mut rest) = (area, weights);
    while !rest.is_empty() {
        let side = left.width.min(left.height);
        let count = row_length(rest, scale, side);
        let (row, others) = rest.split_at(count);
        left = lay(row, scale, left, &mut places);
        rest = others;
    }
    places
}

/// How many weights make the row along `side` whose worst rectangle is the most square; one at least.
fn row_length(weights: &[f64], scale: f64, side: f64) -> usize {
    let mut best = f64::INFINITY;
    let (mut sum, mut most, mut least) = (0.0, 0.0_f64, f64::INFINITY);
    for (index, weight) in weights.iter().map(|weight| weight * scale).enumerate() {
        (sum, most, least) = (sum + weight, most.max(weight), least.min(weight));
        let worst = (side * side * most / (sum * sum)).max(sum * sum / (side * side * least));
        if worst > best {
            return index;
        }
        best = worst;
    }
    weights.len()
}

/// Lays a row along the shorter side; what is left of the area.
fn lay(row: &[f64], scale: f64, area: Area, places: &mut Vec<Area>) -> Area {
    let sum: f64 = row.iter().sum::<f64>() * scale;
    let upright = area.width >= area.height;
    let side = if upright { area.height } else { area.width };
    let depth = if side > 0.0 { sum / side } else { 0.0 };
    let mut along = 0.0;
    for weight in row {
        let length = if depth > 0.0 { weight * scale / depth } else { 0.0 };
        places.push(if upright {
            Area { x: area.x, y: area.y + along, width: depth, height: length }
        } else {
            Area { x: area.x + along, y: area.y, width: length, height: depth }
        });
        along += length;
    }
    if upright {
        Area { x: area.x + depth, width: (area.width - depth).max(0.0), ..area }
    } else {
        Area { y: area.y + depth, height: (area.height - depth).max(0.0), ..area }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: Area = Area { x: 10.0, y: 20.0, width: 600.0, height: 400.0 };

    #[test]
    fn the_paper_s_own_example() {
        let area = Area { x: 0.0, y: 0.0, width: 6.0, height: 4.0 };
        let places = squarified(&[6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0], area);
        let rounded: Vec<[f64; 4]> = places
            .iter()
            .map(|it| [it.x, it.y, it.width, it.height].map(|value| (value * 100.0).round() / 100.0))
            .collect();
        assert_eq!(
            rounded,
            [
                [0.0, 0.0, 3.0, 2.0],
                [0.0, 2.0, 3.0, 2.0],
                [3.0, 0.0, 1.71, 2.33],
                [4.71, 0.0, 1.29, 2.33],
                [3.0, 2.33, 1.2, 1.67],
                [4.2, 2.33, 1.2, 1.67],
                [5.4, 2.33, 0.6, 1.67],
            ]
        );
    }

    #[test]
    fn nothing_takes_no_room() {
        assert_eq!(squarified(&[], WHOLE), []);
        assert!(squarified(&[0.0, 0.0], WHOLE).iter().all(|place| place.size() == 0.0));
        assert!(squarified(&[1.0], Area::default()).iter().all(|place| place.size() == 0.0));
    }

    proptest! {
        #[test]
        fn areas_are_as_the_weights_and_stay_inside(mut bytes in prop::collection::vec(0_u32..1_000_000, 1..200)) {
            bytes.sort_unstable_by(|a, b| b.cmp(a));
            let weights: Vec<f64> = bytes.iter().map(|it| f64::from(*it)).collect();
            let total: f64 = weights.iter().sum();
            prop_assume!(total > 0.0);
            let places = squarified(&weights, WHOLE);
            prop_assert_eq!(places.len(), weights.len());
            for (place, weight) in places.iter().zip(&weights) {
                prop_assert!((place.size() - weight / total * WHOLE.size()).abs() < 1e-3);
                prop_assert!(place.x >= WHOLE.x - 1e-6 && place.x + place.width <= WHOLE.x + WHOLE.width + 1e-3);
                prop_assert!(place.y >= WHOLE.y - 1e-6 && place.y + place.height <= WHOLE.y + WHOLE.height + 1e-3);
            }
        }

        #[test]
        fn no_two_overlap(bytes in prop::collection::vec(1_u32..1_000, 1..40)) {
            let weights: Vec<f64> = bytes.iter().map(|it| f64::from(*it)).collect();
            let places = squarified(&weights, WHOLE);
            let apart = |a: f64, length: f64, b: f64| a + length <= b + 1e-6;
            for (index, one) in places.iter().enumerate() {
                for other in &places[index + 1..] {
                    prop_assert!(
                        apart(one.x, one.width, other.x)
                            || apart(other.x, other.width, one.x)
                            || apart(one.y, one.height, other.y)
                            || apart(other.y, other.height, one.y)
                    );
                }
            }
        }
    }
}
