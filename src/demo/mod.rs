//! A small world on loopback, and the whole cycle walked through it.
