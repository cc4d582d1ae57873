//! Which paths has the internal listener? `/v1` for the core, `/admin/v1` for operators, both behind tokens.

use actix_web::{
    HttpRequest, Resource,
    middleware::from_fn,
    web::{self, Data, ServiceConfig},
};

use super::{Answer, Problem, State, admin, auth, v1};

/// Configures the internal listener. What else listens there (console, documents) is registered before it.
pub fn internal(state: Data<State>) -> impl Fn(&mut ServiceConfig) + Clone {
    move |app| {
        let lending = taking("/v1/accounts/{id}/access-token", "POST")
            .route(web::post().to(v1::access_token::lend))
            .wrap(from_fn(auth::token_door));
        let core = web::scope("/v1").wrap(from_fn(auth::core_door)).configure(v1::routes);
        let operators = web::scope("/admin/v1")
            .wrap(from_fn(auth::operator_door))
            .configure(admin::routes);
        let named = web::scope("")
            .wrap(from_fn(auth::named))
            .service(lending)
            .service(core.default_service(web::to(nothing_here)))
            .service(operators.default_service(web::to(nothing_here)))
            .default_service(web::to(nothing_here));
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
pub fn taking(path: &str, methods: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move || async move {
        Err::<actix_web::HttpResponse, _>(Problem::method(methods))
    }))
}
