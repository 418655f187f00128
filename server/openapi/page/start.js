SwaggerUIBundle({
  url: new URL("../openapi.json", location).href,
  dom_id: "#reference",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // would send the document to a server on the internet
});
