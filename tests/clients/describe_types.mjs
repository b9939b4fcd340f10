// Types of the API at the URL given, in TypeScript, on stdout; what is binary there is a Blob.
// This is openapi-typescript's command with the one change that its documentation shows.
import process from "node:process";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const BLOB = ts.factory.createTypeReferenceNode("Blob");

const tree = await openapiTS(new URL(process.argv[2]), {
  transform: (schema) => (schema.format === "binary" ? BLOB : undefined),
});
process.stdout.write(astToString(tree));
