// Shows this server's OpenAPI document. The server may be behind a path prefix, so the document's address is relative, and requests are sent to
// the parent of this folder.
const root = new URL("..", location.href).href.replace(/\/$/, "");
const withServer = () => ({
  statePlugins: {
    spec: {
      wrapActions: { updateJsonSpec: (update) => (document) => update({ ...document, servers: [{ url: root }] }) },
    },
  },
});
window.onload = () => {
  window.ui = SwaggerUIBundle({
    url: "../openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    // Showing all operations would take seconds.
    docExpansion: "none",
    displayRequestDuration: true,
    tryItOutEnabled: true,
    // By default, the document's address is sent to another host, which validates it.
    validatorUrl: "none",
    // Requests of this page may use the session of the browser, which the server accepts only with this header.
    requestInterceptor: (request) => {
      if (request.url.startsWith(root + "/") && !request.headers.Authorization) request.headers["X-Cupel-Site"] = "docs";
      return request;
    },
    plugins: [withServer],
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
  });
};
