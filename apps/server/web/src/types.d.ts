// What build.mjs bundles besides TypeScript: files as text.
declare module "*.jsonl" {
  const text: string;
  export default text;
}
