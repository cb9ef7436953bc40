//! The emulator's API Gateway, brought to what the template says, one call after the other.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_apigatewayv2::Client;
use aws_sdk_apigatewayv2::types::{
    AuthorizationType, AuthorizerType, IntegrationType, JwtConfiguration,
};
use waybill_ops::error::{Context as _, Result};

use crate::routes::{Api, Authorizer, Route};

/// Makes the API's authorizers and routes exactly these; changes nothing that is right already.
///
/// # Errors
/// If a call fails.
pub(crate) async fn reconcile(client: &Client, api_id: &str, wanted: &Api) -> Result<()> {
    let authorizers = reconcile_authorizers(client, api_id, &wanted.authorizers).await?;
    let integrations = create_integrations(client, api_id, &wanted.routes).await?;
    let failed = || format!("The routes of the API {api_id} cannot be created.");
    let target = |route: &Route| Some(format!("integrations/{}", integrations.get(&route.uri)?));
    let guard = |route: &Route| {
        let (name, scopes) = route.guard.as_ref()?;
        Some((authorizers.get(name)?.clone(), scopes.clone()))
    };
    let found = client.get_routes().api_id(api_id).send().await.context(failed)?;
    let mut right = BTreeSet::new();
    for route in found.items() {
        let key = route.route_key().unwrap_or_default();
        let guarded = route
            .authorization_type()
            .is_some_and(|kind| *kind != AuthorizationType::None)
            .then(|| {
                let id = route.authorizer_id().unwrap_or_default().to_owned();
                (id, route.authorization_scopes().to_vec())
            });
        let is_right = wanted.routes.get(key).is_some_and(|wanted| {
            target(wanted).as_deref() == route.target() && guard(wanted) == guarded
        });
        if is_right {
            right.insert(key);
        } else {
            let id = route.route_id().unwrap_or_default();
            client.delete_route().api_id(api_id).route_id(id).send().await.context(failed)?;
        }
    }
    for (key, route) in wanted.routes.iter().filter(|(key, _)| !right.contains(key.as_str())) {
        let mut create =
            client.create_route().api_id(api_id).route_key(key).set_target(target(route));
        if let Some((authorizer, scopes)) = guard(route) {
            create = create
                .authorization_type(AuthorizationType::Jwt)
                .authorizer_id(authorizer)
                .set_authorization_scopes(Some(scopes));
        }
        create.send().await.context(failed)?;
    }
    Ok(())
}

/// Authorizer ids by name. One that nobody wants any more stays: no route leads through it.
async fn reconcile_authorizers(
    client: &Client,
    api_id: &str,
    wanted: &BTreeMap<String, Authorizer>,
) -> Result<BTreeMap<String, String>> {
    let failed = || format!("The authorizers of the API {api_id} cannot be created.");
    let found = client.get_authorizers().api_id(api_id).send().await.context(failed)?;
    let mut ids: BTreeMap<String, String> = found
        .items()
        .iter()
        .filter_map(|it| Some((it.name()?.to_owned(), it.authorizer_id()?.to_owned())))
        .collect();
    for (name, authorizer) in wanted {
        let jwt = JwtConfiguration::builder()
            .issuer(&authorizer.issuer)
            .set_audience(Some(authorizer.audience.clone()))
            .build();
        if let Some(id) = ids.get(name) {
            client
                .update_authorizer()
                .api_id(api_id)
                .authorizer_id(id)
                .identity_source(&authorizer.identity_source)
                .jwt_configuration(jwt)
                .send()
                .await
                .context(failed)?;
            continue;
        }
        let created = client
            .create_authorizer()
            .api_id(api_id)
            .name(name)
            .authorizer_type(AuthorizerType::Jwt)
            .identity_source(&authorizer.identity_source)
            .jwt_configuration(jwt)
            .send()
            .await
            .context(failed)?;
        ids.insert(name.clone(), created.authorizer_id().unwrap_or_default().to_owned());
    }
    Ok(ids)
}

/// Integration ids by URI.
async fn create_integrations(
    client: &Client,
    api_id: &str,
    wanted: &BTreeMap<String, Route>,
) -> Result<BTreeMap<String, String>> {
    let failed = || format!("The integrations of the API {api_id} cannot be created.");
    let found = client.get_integrations().api_id(api_id).send().await.context(failed)?;
    let mut integrations: BTreeMap<String, String> = found
        .items()
        .iter()
        .filter_map(|it| Some((it.integration_uri()?.to_owned(), it.integration_id()?.to_owned())))
        .collect();
    for Route { uri, .. } in wanted.values() {
        if integrations.contains_key(uri) {
            continue;
        }
        let created = client
            .create_integration()
            .api_id(api_id)
            .integration_type(IntegrationType::AwsProxy)
            .integration_uri(uri)
            .payload_format_version("2.0")
            .send()
            .await
            .context(failed)?;
        let id = created.integration_id().unwrap_or_default();
        integrations.insert(uri.clone(), id.to_owned());
    }
    Ok(integrations)
}
