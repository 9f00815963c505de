using System.Text.Json.Serialization;
using Microsoft.Extensions.Options;
using OpenTelemetry.Metrics;
using WebApi.Models;

namespace WebApi.Http;

/// <summary>What the server is made of.</summary>
internal static class ServerSetup
{
    // Scoring a row is too little work for several threads: requests are the units that run at the same time.
    private const int ThreadsOfRequest = 1;
    private const int MostConnections = 1000;

    private static readonly TimeSpan s_patienceOfStop = TimeSpan.FromSeconds(20);

    public static void AddModelServer(this WebApplicationBuilder builder)
    {
        TorchSharp.torch.set_num_threads(ThreadsOfRequest);
        var services = builder.Services;
        services.AddOptions<ServerSettings>().BindConfiguration(ServerSettings.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton(provider => provider.GetRequiredService<IOptions<ServerSettings>>().Value);
        services.AddSingleton<ServerMetrics>();
        services.AddSingleton<ReadingFeed>();
        AddModel<ForecastService>(services);
        AddModel<ClassifierService>(services);
        AddModel<CompletionService>(services);
        services.AddHostedService<ModelHost>();

        services.Configure<HostOptions>(options => options.ShutdownTimeout = s_patienceOfStop);
        builder.WebHost.ConfigureKestrel((context, options) =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxConcurrentConnections = MostConnections;
            options.Limits.MaxRequestBodySize = (context.Configuration.GetSection(ServerSettings.Section).Get<ServerSettings>() ?? new()).MostRequestBytes;
        });
        services.ConfigureHttpJsonOptions(options =>
        {
            options.SerializerOptions.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
            options.SerializerOptions.RespectNullableAnnotations = true;
            options.SerializerOptions.RespectRequiredConstructorParameters = true;
            options.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
        });
        services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
        services.AddProblemDetails();
        services.AddExceptionHandler<ProblemHandler>();
        services.AddOpenApi(options => options.AddDocumentTransformer(OpenApiTexts.Complete));
        services.AddOpenTelemetry().WithMetrics(metrics => metrics
            .AddMeter(ServerMetrics.MeterName, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime")
            .AddPrometheusExporter());
    }

    public static void UseModelServer(this WebApplication app)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.Use((context, next) =>
        {
            // The page asks nobody else for anything.
            context.Response.Headers.ContentSecurityPolicy = "default-src 'self'; frame-ancestors 'none'";
            context.Response.Headers.XContentTypeOptions = "nosniff";
            return next(context);
        });
        app.UseDefaultFiles();
        app.UseStaticFiles();
    }

    private static void AddModel<T>(IServiceCollection services)
        where T : class, IModelService
    {
        services.AddSingleton<T>();
        services.AddSingleton<IModelService>(provider => provider.GetRequiredService<T>());
    }
}
