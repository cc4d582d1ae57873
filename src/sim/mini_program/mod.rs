//! How does a mini-program's customer-service chat behave? What its users do, what it may send
//! (/miniprogram/dev/framework/open-ability/customer-message/).

mod deeds;
mod send;

pub use self::{
    deeds::deed,
    send::{may_greet, shown},
};
