using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.TimeSeries;

/// <summary>A forecasting network and its loss, which sees the channels to forecast alone.</summary>
/// <param name="loss">The loss.</param>
/// <param name="data">The data.</param>
/// <param name="device">The device of the network.</param>
internal abstract class ForecastLearner(StepWeightedLoss loss, ForecastingData data, Device device) : ILearner
{
    private readonly Tensor? _targets = data.TargetChannels.SequenceEqual(Enumerable.Range(0, data.Series.Channels))
        ? null
        : tensor(data.TargetChannels.Select(channel => (long)channel).ToArray(), device: device);

    public abstract IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; }

    public Tensor Loss(Batch batch, StepRandom random) => Loss(Forecast(batch, random), batch);

    public Func<Batch, Tensor> BeginEvaluation()
    {
        var forecast = BeginForecasts();
        return batch => Loss(forecast(batch), batch);
    }

    /// <summary>The forecast of the windows of a batch in training, [B, H, N].</summary>
    private protected abstract Tensor Forecast(Batch batch, StepRandom random);

    /// <summary>The same for all batches of one validation, see <see cref="BeginEvaluation"/>.</summary>
    private protected abstract Func<Batch, Tensor> BeginForecasts();

    private Tensor Loss(Tensor forecast, Batch batch) => loss.Compute(Targets(forecast), Targets(batch[WindowSource.Target]));

    private Tensor Targets(Tensor values) => _targets is null ? values : values.index_select(2, _targets);
}
