"""Runs a program and reads its result with the client that openapi-python-client generated: client.py URL KEY"""

import sys

from cupel_client import AuthenticatedClient
from cupel_client.api.execute import execute, submission
from cupel_client.models import Accepted, ApiError, ExecuteRequest, SubmissionView

url, key = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=key, raise_on_unexpected_status=True, timeout=180)


def judged(answer):
    """The result of a submission. The server answers after at most half a minute, also if the program has not ended."""
    for _ in range(10):
        if isinstance(answer, Accepted) or (isinstance(answer, SubmissionView) and not answer.verdict):
            answer = submission.sync(answer.submission_id, client=client, wait=30)
    return answer


program = ExecuteRequest(language="python", source_code="print(int(input()) * 2)", input_="21")
result = judged(execute.sync(client=client, body=program, wait=30))
assert isinstance(result, SubmissionView), result
assert (result.verdict, result.stdout) == ("AC", "42\n"), result

accepted = execute.sync(client=client, body=program)
assert isinstance(accepted, Accepted), accepted
again = judged(accepted)
assert isinstance(again, SubmissionView) and again.stdout == "42\n", again

refused = execute.sync(client=client, body=ExecuteRequest(language="no-such-language", source_code=""))
assert isinstance(refused, ApiError) and refused.status == 422, refused
print(f"the generated client ran a program: {result.verdict}")
