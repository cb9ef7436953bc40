// Only the URL of this page shows the base path of the API.
const api = new URL(".", location.href).href.replace(/\/$/, "");

fetch(`${api}/openapi.json`)
  .then((response) => response.text())
  .then((description) => {
    Scalar.createApiReference("#reference", {
      // Links in the description begin at the root of the API.
      content: description.replaceAll("](/", `](${api}/`),
      servers: [{ url: api, description: "The server of this page." }],
      authentication: { preferredSecurityScheme: "Tokens" },
      tagsSorter: "alpha",
      defaultOpenAllTags: true,
      withDefaultFonts: false,
      telemetry: false,
      hideClientButton: true,
      showDeveloperTools: "never",
      agent: { disabled: true },
      mcp: { disabled: true },
    });
  });
