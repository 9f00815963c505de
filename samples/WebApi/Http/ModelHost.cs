using WebApi.Models;

namespace WebApi.Http;

/// <summary>Loads the models while the server already answers that it is not ready, and saves the readings at the end.</summary>
internal sealed class ModelHost(IEnumerable<IModelService> models, ForecastService forecaster) : BackgroundService
{
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        // The web server, which was started last, has stopped by now: there are no more requests.
        await forecaster.StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        foreach (var model in models)
        {
            await model.StartAsync(stoppingToken);
        }
    }
}
