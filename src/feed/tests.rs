//! Does the machine keep its promises on the real store?
