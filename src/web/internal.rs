//! Which paths has the internal listener? `/v1` for the core, `/admin/v1` for operators, both behind tokens; the console,
//! which asks for one itself; documents for everybody.

use actix_web::{
    HttpRequest, Resource, Scope,
    middleware::from_fn,
    web::{self, Data, ServiceConfig},
};

use super::{
    Answer, Problem, State, auth,
    console::console,
    document::documents,
    table::{Reach, resources},
};

/// Configures the internal listener.
pub fn internal(state: Data<State>) -> impl Fn(&mut ServiceConfig) + Clone {
    move |app| {
        let core = resources(Reach::Cores, "/v1")
            .into_iter()
            .fold(web::scope("/v1"), Scope::service)
            .default_service(web::to(nothing_here))
            .wrap(from_fn(auth::core_door));
        let operators = resources(Reach::Operators, "/admin/v1")
            .into_iter()
            .fold(web::scope("/admin/v1"), Scope::service)
            .default_service(web::to(nothing_here))
            .wrap(from_fn(auth::operator_door));
        let named = resources(Reach::Tokens, "")
            .into_iter()
            .fold(web::scope(""), |named, lending| {
                named.service(lending.wrap(from_fn(auth::token_door)))
            })
            .service(core)
            .service(operators)
            .configure(documents)
            .configure(console)
            .default_service(web::to(nothing_here))
            .wrap(from_fn(auth::named));
        let odd_path = web::PathConfig::default()
            .error_handler(|error, _| Problem::not_found(format!("the path cannot be read: {error}")).into());
        app.app_data(state.clone()).app_data(odd_path).service(named);
    }
}

pub async fn nothing_here(request: HttpRequest) -> Answer {
    Err(Problem::not_found(format!(
        "there is nothing at {}",
        request.uri().path()
    )))
}

/// A resource that says 405, and what it takes, to every other method.
pub fn taking(path: &str, methods: &str) -> Resource {
    let methods = methods.to_owned();
    web::resource(path).default_service(web::to(move || {
        let problem = Problem::method(&methods);
        async move { Err::<actix_web::HttpResponse, _>(problem) }
    }))
}
