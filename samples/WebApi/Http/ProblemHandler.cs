using System.Text.Json;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Mvc;

namespace WebApi.Http;

/// <summary>Tells a client what is wrong with its request, as ProblemDetails. What is wrong with the server is logged, not told.</summary>
internal sealed class ProblemHandler(IProblemDetailsService problems) : IExceptionHandler
{
    private const string SecondsToWait = "1";

    public ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        var problem = exception switch
        {
            RequestException { Field: { } field } e => new HttpValidationProblemDetails(new Dictionary<string, string[]> { [field] = [e.Message] }) { Status = e.Status },
            RequestException e => new ProblemDetails { Status = e.Status, Detail = e.Message },
            // The cause says which part of the JSON it is.
            BadHttpRequestException e => new ProblemDetails { Status = e.StatusCode, Detail = e.InnerException is JsonException json ? json.Message : e.Message },
            _ => null,
        };
        if (problem is null)
        {
            return ValueTask.FromResult(false);
        }
        httpContext.Response.StatusCode = problem.Status!.Value;
        if (problem.Status == StatusCodes.Status503ServiceUnavailable)
        {
            httpContext.Response.Headers.RetryAfter = SecondsToWait;
        }
        return problems.TryWriteAsync(new() { HttpContext = httpContext, ProblemDetails = problem, Exception = exception });
    }
}
