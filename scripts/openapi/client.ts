// Uses the types that openapi-typescript generates from the OpenAPI document. Compiled, never run.
import type { paths } from "./api";

type Execute = paths["/api/v1/execute"]["post"];
type Program = Execute["requestBody"]["content"]["application/json"];
type Result = paths["/api/v1/execute/{submission_id}"]["get"]["responses"][200]["content"]["application/json"];

export const program: Program = { language: "python", source_code: "print(42)" };

// @ts-expect-error `language` is required.
export const nameless: Program = { source_code: "print(42)" };

export async function run(url: string, key: string, body: Program): Promise<Result["verdict"]> {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const answer = await fetch(`${url}/api/v1/execute?wait=30`, { method: "POST", headers, body: JSON.stringify(body) });
    const result = (await answer.json()) as Result;
    return result.verdict;
}
