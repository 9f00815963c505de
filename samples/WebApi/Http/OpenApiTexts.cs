using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace WebApi.Http;

/// <summary>What the OpenAPI document says beyond what the endpoints say themselves.</summary>
internal static class OpenApiTexts
{
    /// <summary>Names the document, and adds the endpoint of the metrics, which is not of this program.</summary>
    public static Task Complete(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellation)
    {
        document.Info = new() { Title = "Models in production", Version = "v1", Description = "Forecasts with bounds of readings that go on, classes, and completed cells." };
        document.Paths[Endpoints.Metrics] = new OpenApiPathItem
        {
            Operations = new()
            {
                [HttpMethod.Get] = new OpenApiOperation
                {
                    Summary = "The metrics, as Prometheus reads them.",
                    Responses = new() { ["200"] = new OpenApiResponse { Description = "OK", Content = new Dictionary<string, OpenApiMediaType> { ["text/plain"] = new OpenApiMediaType() } } },
                },
            },
        };
        return Task.CompletedTask;
    }
}
