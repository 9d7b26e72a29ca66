//! Archives against flips, cuts, splices, hostile tars, and stock tools.

mod fixture;
mod honest;
mod hostile;
mod inventory;
mod recipe;
mod stock;
mod sweep;
mod tampered;
mod world;
