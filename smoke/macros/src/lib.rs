//! Macros that run on the host.

use proc_macro::{TokenStream, TokenTree};

/// `constants!(A B)` is `const A: usize = 0; const B: usize = 1;`.
#[proc_macro]
pub fn constants(names: TokenStream) -> TokenStream {
    let constants = names.into_iter().enumerate();
    constants.map(|(value, name)| parse(&format!("const {name}: usize = {value};"))).collect()
}

/// Gives a struct the associated constant `NAME`.
#[proc_macro_derive(Name)]
pub fn name(item: TokenStream) -> TokenStream {
    let mut idents = item.into_iter().filter_map(|token| match token {
        TokenTree::Ident(ident) => Some(ident.to_string()),
        _ => None,
    });
    let name = idents.find(|ident| ident == "struct").and_then(|_| idents.next()).unwrap_or_default();
    parse(&format!("impl {name} {{ pub const NAME: &'static str = {name:?}; }}"))
}

fn parse(source: &str) -> TokenStream {
    source.parse().unwrap_or_default()
}
