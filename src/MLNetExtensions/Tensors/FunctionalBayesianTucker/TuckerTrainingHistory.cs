namespace MLNetExtensions.Tensors;

/// <summary>
/// The training of a functional Tucker decomposition, iteration by iteration: set one as <see cref="FunctionalBayesianTuckerTrainer.Options.Progress"/>, and look at it when the training has ended, or
/// while it runs.
/// </summary>
public sealed class TuckerTrainingHistory : ProgressHistory<TuckerTrainingProgress>
{
    private protected override IReadOnlyList<string> Header { get; } = ["Iteration", "of", "evidence bound", "training RMSE", "noise"];

    private protected override IReadOnlyList<string> Row(TuckerTrainingProgress report)
        => [Html.Number((long)report.Iteration), report.Phase.ToString(), Html.Number(report.EvidenceLowerBound), Html.Number(report.TrainingError), Html.Number(report.NoiseStandardDeviation)];

    // The runs that only compare settings would hide the one that matters.
    private protected override IEnumerable<string> Charts(IReadOnlyList<TuckerTrainingProgress> reports)
    {
        var last = Runs(reports, report => report.Iteration).Last();
        double[] iterations = [.. last.Select(report => (double)report.Iteration)];
        return
        [
            Html.LineChart("Lower bound of the log evidence", "iteration", fromZero: false, iterations, new ChartLine("bound", Html.Color(0), [.. last.Select(report => report.EvidenceLowerBound)])),
            Html.LineChart("Error and noise", "iteration", fromZero: true, iterations, new ChartLine("training RMSE", Html.Color(0), [.. last.Select(report => report.TrainingError)]),
                new ChartLine("noise", Html.Color(1), [.. last.Select(report => report.NoiseStandardDeviation)])),
        ];
    }
}
