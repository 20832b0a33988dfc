//! Prices: exact decimal numbers.

use std::str::FromStr;

/// A price, in the smallest unit that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// The price in units of 10^-`decimals`.
    units: u64,
    /// How many digits follow the decimal point.
    decimals: u32,
}

/// The text is not a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPrice;

impl FromStr for Price {
    type Err = NoPrice;

    /// Reads a decimal number such as `39` or `39.50`, with at most nine digits before the point
    /// and four after it.
    fn from_str(text: &str) -> Result<Self, NoPrice> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let is_number =
            |text: &str| text.bytes().all(|digit| digit.is_ascii_digit()) && text.len() <= 9;
        let has_fraction = !text.contains('.') || (1..=4).contains(&fraction.len());
        if whole.is_empty() || !is_number(whole) || !is_number(fraction) || !has_fraction {
            return Err(NoPrice);
        }
        let units = format!("{whole}{fraction}").parse().map_err(|_| NoPrice)?;
        let decimals = u32::try_from(fraction.len()).map_err(|_| NoPrice)?;
        Ok(Self { units, decimals })
    }
}

impl Price {
    /// Returns the price of several items, as a decimal number with as many digits after the point
    /// as the price of one. It is exact.
    #[must_use]
    pub fn of(&self, count: usize) -> String {
        let units = u128::from(self.units) * count as u128;
        let unit = 10_u128.pow(self.decimals);
        match self.decimals as usize {
            0 => units.to_string(),
            decimals => format!("{}.{:0decimals$}", units / unit, units % unit),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cost(price: &str, seats: usize) -> Option<String> {
        price.parse().ok().map(|price: Price| price.of(seats))
    }

    #[test]
    fn prices_are_exact_and_keep_their_digits() {
        for (price, seats, expected) in [
            ("39", 3, "117"),
            ("39.00", 3, "117.00"),
            ("0.10", 3, "0.30"),
            ("29.99", 100_000, "2999000.00"),
            ("0.0001", 7, "0.0007"),
            ("999999999.9999", 1_000_000, "999999999999900.0000"),
            ("5.5", 0, "0.0"),
        ] {
            assert_eq!(cost(price, seats).as_deref(), Some(expected), "{price}");
        }
        for wrong in ["", ".", "1.", ".5", "-1", "+1", "1,5", "1e3", "1.23456", "1 ", "1234567890"]
        {
            assert_eq!(cost(wrong, 1), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn the_price_of_several_seats_is_the_sum_of_their_prices(
            units in 0_u64..1_000_000_000, seats in 0_usize..5_000,
        ) {
            let price = format!("{}.{:02}", units / 100, units % 100);
            let total = u128::from(units) * seats as u128;
            prop_assert_eq!(cost(&price, seats), Some(format!("{}.{:02}", total / 100, total % 100)));
        }
    }
}
