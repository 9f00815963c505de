using System.Runtime.CompilerServices;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>What all forecasters do: check options and data, prepare the windows, and keep beside the network what forecasting needs.</summary>
/// <typeparam name="TTransformer">The trained forecaster.</typeparam>
public abstract class ForecastingEstimator<TTransformer> : IEstimator<TTransformer>
    where TTransformer : ForecastingTransformer
{
    private readonly ForecastingOptions _options;

    private protected ForecastingEstimator(IHost host, ForecastingOptions options)
    {
        Host = host;
        _options = options;
        Check.ColumnName(host, options.OutputColumnName);
        options.InputColumnName ??= options.OutputColumnName;
        Check.ColumnName(host, options.InputColumnName);
        Check.Option(host, options.GroupColumnName is not "", options.GroupColumnName, "A column name cannot be empty");
        Check.Option(host, options.TimeColumnName is not "", options.TimeColumnName, "A column name cannot be empty");
        Check.Option(host, options.TargetChannels is not { Count: 0 }, options.TargetChannels, "Must name a channel, or be null");
        Check.Option(host, options.WindowSize >= 2, options.WindowSize, "Must be at least 2");
        Check.Option(host, options.Horizon > 0, options.Horizon, "Must be positive");
        Check.Option(host, options.ValidationFraction is >= 0 and < 1, options.ValidationFraction, "Should be within [0, 1)");
        Check.Option(host, options.Patience > 0, options.Patience, "Must be positive");
        Check.Option(host, options.ConfidenceLowerBoundColumnName is not "", options.ConfidenceLowerBoundColumnName, "A column name cannot be empty");
        Check.Option(host, options.ConfidenceUpperBoundColumnName is not "" && options.ConfidenceUpperBoundColumnName is null == options.ConfidenceLowerBoundColumnName is null,
            options.ConfidenceUpperBoundColumnName, "Must be named together with the column of the other bound");
        Check.Option(host, options.ConfidenceLevel is > 0 and < 1, options.ConfidenceLevel, "Should be within (0, 1)");
        Check.Option(host, options.CalibrationFraction is > 0 and < 1, options.CalibrationFraction, "Should be within (0, 1)");
        var outputs = new[] { options.OutputColumnName, options.ConfidenceLowerBoundColumnName, options.ConfidenceUpperBoundColumnName }.OfType<string>().ToArray();
        Check.Option(host, outputs.Distinct().Count() == outputs.Length, options.OutputColumnName, "The forecast and its bounds need columns of different names");
        Training = new(host, options);
    }

    /// <exception cref="ArgumentOutOfRangeException">There is no such loss, or it does not go with standardised values.</exception>
    private protected void CheckLoss(ForecastLoss loss, [CallerArgumentExpression(nameof(loss))] string? name = null)
    {
        Check.Option(Host, Enum.IsDefined(loss), loss, "Must be a defined value", name);
        Check.Option(Host, loss != ForecastLoss.SymmetricAbsolutePercentageError || !_options.Standardize, _options.Standardize,
            $"Must be false with the loss {loss}, which is a ratio of values in their own units", nameof(_options.Standardize));
    }

    private protected IHost Host { get; }

    private protected TrainingHost Training { get; }

    /// <summary>Returns the schema that the trained model will give to data of the given shape.</summary>
    /// <param name="inputSchema">The shape of the data.</param>
    /// <returns>The columns of the input, the forecast, and its bounds if they are asked for.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="inputSchema"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Check.NotNull(Host, inputSchema);
        _options.Columns.Check(Host, inputSchema);
        var bounds = new[] { _options.ConfidenceLowerBoundColumnName, _options.ConfidenceUpperBoundColumnName }.OfType<string>();
        return SchemaShapes.Append(inputSchema, [ForecastColumns.Promise(_options.OutputColumnName), .. bounds.Select(name => ForecastColumns.Promise(name, isBound: true))]);
    }

    /// <summary>Trains a forecaster.</summary>
    /// <param name="input">The series, one row per time step, in time order.</param>
    /// <returns>The trained forecaster.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="input"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type, or a target channel is not there.</exception>
    /// <exception cref="InvalidOperationException">
    /// There are too few rows, a value is not finite, time goes backwards, the training diverged, the checkpoint belongs to another training, or TorchSharp's native library is missing.
    /// </exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    public TTransformer Fit(IDataView input)
    {
        Check.NotNull(Host, input);
        GetOutputSchema(SchemaShapes.Of(input.Schema));
        var device = TrainingHost.Device(Host);
        var data = new ForecastingData(Host, input, _options);
        // Tensors made in a caller's inference mode could not be trained.
        using var notInference = inference_mode(false);
        return Train(data, device);
    }

    /// <summary>Trains on prepared data.</summary>
    private protected abstract TTransformer Train(ForecastingData data, Device device);

    /// <summary>What the trained forecaster keeps beside its network.</summary>
    /// <param name="data">The data.</param>
    /// <param name="series">Its tensor.</param>
    /// <param name="forecast">The trained network: the windows of a batch to [B, H, N].</param>
    private protected ForecastingModel CreateModel(ForecastingData data, Tensor series, Func<Batch, Tensor> forecast)
        => ForecastingModel.Create(_options, data, data.Calibration(series) is { } windows
            ? ErrorQuantiles.Compute(Host, windows, data.TargetChannels, _options.ConfidenceLevel, forecast, Training.ThrowIfCancelled)
            : null);
}
