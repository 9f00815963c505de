using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http.HttpResults;

namespace WebApi.Http;

/// <summary>Lets only those in who know the key, or, where there is none, who ask from this machine.</summary>
internal sealed class AdminFilter(ServerSettings settings) : IEndpointFilter
{
    private const string Header = "X-Api-Key";

    public ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        var isAdmin = settings.AdminKey is { Length: > 0 } key
            ? CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(http.Request.Headers[Header].ToString()), Encoding.UTF8.GetBytes(key))
            : http.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address);
        return isAdmin ? next(context) : ValueTask.FromResult<object?>(Refusal());
    }

    private static ProblemHttpResult Refusal() => TypedResults.Problem($"This needs the key of the server, in the header {Header}.", statusCode: StatusCodes.Status401Unauthorized);
}
