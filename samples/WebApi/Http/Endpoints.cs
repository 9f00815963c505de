using System.ComponentModel;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using WebApi.Models;

namespace WebApi.Http;

/// <summary>What can be asked of the server.</summary>
internal static class Endpoints
{
    public const string Metrics = "/metrics";

    private const int DefaultHistory = 168;
    private const string ModelFile = "application/octet-stream";

    public static void MapModelServer(this WebApplication app)
    {
        var settings = app.Services.GetRequiredService<ServerSettings>();
        MapForecasts(app);
        var models = app.MapGroup("").WithTags("Models").ProducesValidationProblem().ProducesProblem(StatusCodes.Status413PayloadTooLarge).ProducesProblem(StatusCodes.Status503ServiceUnavailable);
        models.MapPost("/classify", ([FromBody] ClassifyRequest request, ClassifierService classifier, CancellationToken cancellation) => classifier.ClassifyAsync(request, cancellation))
            .WithSummary("The class of each row, and the score of every class.");
        models.MapPost("/complete", ([FromBody] CompleteRequest request, CompletionService completion, CancellationToken cancellation) => completion.CompleteAsync(request, cancellation))
            .WithSummary("The value of each cell.");
        models.MapPost("/recommend", ([FromBody] RecommendRequest request, CompletionService completion, CancellationToken cancellation) => completion.RecommendAsync(request, cancellation))
            .WithSummary("The best keys of the one mode that is not given.");
        app.MapGet("/models", (IEnumerable<IModelService> services) => services.Select(service => service.Info).OfType<ModelInfo>())
            .WithTags("Models").WithSummary("The models in service.");
        app.MapPut("/models/{name}", ReplaceAsync)
            .WithTags("Models").WithSummary("Replaces a model by the file in the body. Requests go on: those that have begun with the old model end with it. A file that cannot be served is refused.")
            .AddEndpointFilter<AdminFilter>()
            .WithMetadata(new RequestSizeLimitAttribute(settings.MostModelBytes))
            .Accepts<Stream>(ModelFile)
            .ProducesProblem(StatusCodes.Status401Unauthorized).ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status413PayloadTooLarge).ProducesProblem(StatusCodes.Status422UnprocessableEntity);
        MapHealth(app);
        app.MapPrometheusScrapingEndpoint(Metrics);
        app.MapOpenApi();
    }

    private static void MapForecasts(WebApplication app)
    {
        var forecasts = app.MapGroup("").WithTags("Forecasts").ProducesProblem(StatusCodes.Status503ServiceUnavailable);
        forecasts.MapPost("/forecast", ([FromBody] ForecastRequest request, ForecastService forecaster, CancellationToken cancellation) => forecaster.ForecastAsync(request, cancellation))
            .WithSummary("The values to come, with bounds, after the last reading or after a history of your own.").ProducesValidationProblem();
        forecasts.MapPost("/readings", ([FromBody] ReadingsRequest request, ForecastService forecaster, CancellationToken cancellation) => forecaster.UpdateAsync(request, cancellation))
            .WithSummary("Takes new readings, all or none.").ProducesValidationProblem();
        forecasts.MapGet("/history", ([Description("How many.")] int? last, ForecastService forecaster, CancellationToken cancellation) => forecaster.HistoryAsync(last ?? DefaultHistory, cancellation))
            .WithSummary("The last readings.").ProducesValidationProblem();
        forecasts.MapGet("/events", (ReadingFeed feed, IHostApplicationLifetime lifetime, CancellationToken cancellation) => TypedResults.ServerSentEvents(FollowAsync(feed.Subscribe(), lifetime, cancellation)))
            .WithSummary("Server-sent events: the number of the last reading, each time that there is a new one.");
        forecasts.MapPost("/checkpoint", (ForecastService forecaster, CancellationToken cancellation) => forecaster.CheckpointAsync(cancellation))
            .WithSummary("Writes the forecaster with the readings to the disk, so that a restart goes on from there.").AddEndpointFilter<AdminFilter>().ProducesProblem(StatusCodes.Status401Unauthorized);
    }

    private static void MapHealth(WebApplication app)
    {
        var health = app.MapGroup("/health").WithTags("Health");
        health.MapGet("/live", () => TypedResults.Ok(new HealthResponse("live", new Dictionary<string, string>())))
            .WithSummary("Whether the process answers.");
        foreach (var path in new[] { "", "/ready" })
        {
            health.MapGet(path, Ready).WithSummary("Whether all models serve; 503 while they do not.");
        }
    }

    private static Results<Ok<HealthResponse>, JsonHttpResult<HealthResponse>> Ready(IEnumerable<IModelService> services)
    {
        var models = services.ToDictionary(service => service.Name, service => service.Info is not null ? "ready" : service.Failure ?? "loading");
        if (models.Values.All(status => status == "ready"))
        {
            return TypedResults.Ok(new HealthResponse("ready", models));
        }
        return TypedResults.Json(new HealthResponse(models.Values.All(status => status is "ready" or "loading") ? "loading" : "failed", models), statusCode: StatusCodes.Status503ServiceUnavailable);
    }

    private static async Task<ModelInfo> ReplaceAsync(string name, HttpRequest request, IEnumerable<IModelService> services, ServerSettings settings, CancellationToken cancellation)
    {
        var service = services.SingleOrDefault(one => one.Name == name) ?? throw RequestException.NotFound($"There is no model '{name}'. There are: {string.Join(", ", services.Select(one => one.Name))}.");
        Directory.CreateDirectory(settings.Folder);
        var path = SafeFile.NameBeside(Path.Combine(settings.Folder, name));
        try
        {
            await using (var file = File.Create(path))
            {
                await request.Body.CopyToAsync(file, cancellation);
            }
            return await service.ReplaceAsync(path, cancellation);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async IAsyncEnumerable<SseItem<long>> FollowAsync(ReadingFeed.Subscription subscription, IHostApplicationLifetime lifetime, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using (subscription)
        using (var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation, lifetime.ApplicationStopping))
        {
            await using var rows = subscription.ReadAllAsync(ended.Token).GetAsyncEnumerator(ended.Token);
            while (await NextAsync())
            {
                yield return new(rows.Current, "row");
            }

            // A server that stops ends the stream; it does not break it.
            async ValueTask<bool> NextAsync()
            {
                try
                {
                    return await rows.MoveNextAsync();
                }
                catch (OperationCanceledException)
                {
                    return false;
                }
            }
        }
    }
}
