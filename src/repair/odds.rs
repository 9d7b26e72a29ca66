//! How many spare blocks rows need so that blocks lost at random, wherever they stand, are not too many for any one row.

/// How likely it may be that a share of the blocks, lost at random, is more than one of the rows can mend: one in a million.
const CHANCE: f64 = 1e-6;

/// What adds less than this to what is as likely as anything else can be left out.
const NOTHING: f64 = 1e-30;

/// The fewest spare blocks of each row that make good for so many lost ones, spare blocks among them: for certain where there is one
/// row, else but for one chance in a million. No row needs more than it has blocks.
pub(super) fn spare(rows: u32, stripes: u32, lost: u32) -> u32 {
    least(1, stripes, |spare| holds(rows, stripes, spare, lost))
}

/// The other way round: how many blocks may be lost wherever they stand, where each row has so many spare ones.
pub(super) fn lost(rows: u32, stripes: u32, spare: u32) -> u32 {
    let most = rows.saturating_mul(stripes);
    if spare >= stripes {
        return most;
    }
    least(1, most, |lost| !holds(rows, stripes, spare, lost)).saturating_sub(1)
}

/// The least number of a range that is enough, its last one where none is. Whatever is more than enough is enough.
fn least(mut low: u32, mut high: u32, is_enough: impl Fn(u32) -> bool) -> u32 {
    while low < high {
        let middle = low.midpoint(high);
        if is_enough(middle) {
            high = middle;
        } else {
            low = middle.saturating_add(1);
        }
    }
    low
}

fn holds(rows: u32, stripes: u32, spare: u32, lost: u32) -> bool {
    // What is lost may be spare blocks as well: they lie on the same media.
    let row = stripes.saturating_add(spare);
    // Each row is as likely to be the unlucky one, and any is enough.
    f64::from(rows) * more_than(spare, rows.saturating_mul(row), row, lost) < CHANCE
}

/// How likely it is that a row of so many blocks meets more than `most` of those that are `lost` of `all`: the upper tail of the
/// hypergeometric distribution, or 1 where it is no tail. It takes only operations that are exact to the last bit everywhere.
fn more_than(most: u32, all: u32, row: u32, lost: u32) -> f64 {
    if most >= row.min(lost) {
        return 0.0;
    }
    let (all, row, lost, most) = (f64::from(all), f64::from(row), f64::from(lost), f64::from(most));
    let likeliest = ((row + 1.0) * (lost + 1.0) / (all + 2.0)).floor();
    if most < likeliest {
        return 1.0;
    }
    // The weight of the likeliest count is 1, each other one's that of its neighbour times what divides the two.
    let up = |met: f64| (row - met) * (lost - met) / ((met + 1.0) * (all - row - lost + met + 1.0));
    let (mut whole, mut tail) = (1.0, 0.0);
    let (mut met, mut weight) = (likeliest, 1.0);
    while met < row.min(lost) && weight > NOTHING {
        weight *= up(met);
        met += 1.0;
        whole += weight;
        if met > most {
            tail += weight;
        }
    }
    (met, weight) = (likeliest, 1.0);
    while met > 0.0 && weight > NOTHING {
        met -= 1.0;
        weight /= up(met);
        whole += weight;
    }
    tail / whole
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a few numbers")]
mod tests {
    use super::*;

    /// By counting: every set of `lost` out of `all` is as likely, and the first `row` of them are the row.
    fn counted(most: u32, all: u32, row: u32, lost: u32) -> f64 {
        let (mut sets, mut more) = (0, 0);
        for set in 0..1_u32 << all {
            if set.count_ones() == lost {
                sets += 1;
                more += u32::from((set & ((1 << row) - 1)).count_ones() > most);
            }
        }
        f64::from(more) / f64::from(sets)
    }

    #[test]
    fn the_tail_is_what_counting_gives() {
        for (all, row) in [(12, 4), (12, 3), (10, 5), (14, 7)] {
            for lost in 0..=all {
                for most in 0..=row {
                    let (found, right) = (more_than(most, all, row, lost), counted(most, all, row, lost));
                    // Below the likeliest count nobody asks how likely it is.
                    let is_right = (found - right).abs() < 1e-12 || (found >= 1.0 && right > 0.2);
                    assert!(is_right, "{most} of {all} in {row}, {lost} lost: {found}, not {right}");
                }
            }
        }
    }

    #[test]
    fn one_row_needs_no_more_than_what_is_lost_and_several_need_a_margin() {
        assert_eq!(spare(1, 8_192, 410), 410);
        assert_eq!(spare(1, 5, 9), 5);
        assert_eq!(lost(1, 8_192, 410), 410);
        // A twentieth of 8, 128 and 512 rows.
        for (rows, stripes, needed) in
            [(2_u32, 4_097_u32, 253), (8, 8_192, 508), (128, 8_192, 525), (512, 4_096, 292)]
        {
            let twentieth = (rows * stripes).div_ceil(20);
            assert_eq!(spare(rows, stripes, twentieth), needed, "{rows} rows");
            assert!(lost(rows, stripes, needed) >= twentieth, "{rows} rows");
            assert!(lost(rows, stripes, needed - 1) < twentieth, "{rows} rows");
        }
        // Whoever may lose everything needs as much again, and no more.
        assert_eq!(spare(128, 8_192, 128 * 8_192), 8_192);
        assert_eq!(lost(128, 8_192, 8_192), 128 * 8_192);
    }
}
