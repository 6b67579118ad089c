mod change;
pub(super) mod harness;
mod life;
mod limits;
mod planning;
mod refuse;
mod settings;
mod threaded;
