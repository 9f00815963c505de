using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>Compares predicted labels with true ones, episode by episode.</summary>
internal static class FewShotEvaluator
{
    internal static FewShotMetrics Evaluate(IHostEnvironment env, IDataView data, string labelColumnName, string predictedLabelColumnName, string? episodeColumnName, string? supportLabelColumnName)
    {
        var host = env.Register(nameof(FewShotEvaluator));
        Check.NotNull(host, data);
        Check.ColumnName(host, labelColumnName);
        Check.ColumnName(host, predictedLabelColumnName);
        Check.Option(host, episodeColumnName is not "", episodeColumnName, "A column name cannot be empty");
        Check.Option(host, supportLabelColumnName is not "", supportLabelColumnName, "A column name cannot be empty");
        var label = ClassLabels.Column(labelColumnName);
        var predicted = KeyColumn(predictedLabelColumnName, "predicted label");
        // The keys of predictions that have the value of a label; 0: no label has it.
        var match = KeyVocabulary.Of(label.Find(host, data.Schema)).Match(predicted.Find(host, data.Schema));
        List<InputColumn> columns = [label, predicted];
        if (episodeColumnName is not null)
        {
            columns.Add(FewShotColumns.EpisodesIn(episodeColumnName));
        }
        if (supportLabelColumnName is not null)
        {
            columns.Add(KeyColumn(supportLabelColumnName, "support label"));
        }
        var buffers = DataReader.Read(host, data, default, columns);
        var (labels, predictions) = ((RowBuffer<ulong>)buffers[0], (RowBuffer<ulong>)buffers[1]);
        var episodes = episodeColumnName is null ? null : (RowBuffer<string>)buffers[2];
        var support = supportLabelColumnName is null ? null : (RowBuffer<ulong>)buffers[^1];

        int[] rows = [.. Enumerable.Range(0, labels.Count).Where(row => labels[row][0] != 0 && (support is null || support[row][0] == 0))];
        if (rows.Length == 0)
        {
            throw Check.BadData(host, $"None of the {labels.Count} rows can be evaluated: each needs a label in '{labelColumnName}'{(support is null ? "" : $" and none in '{supportLabelColumnName}'")}.");
        }
        (double Accuracy, double Information, double Matched)[] measured = [.. rows.GroupBy(row => episodes is null ? "" : episodes[row][0]).Select(episode =>
        {
            var table = new CountTable([.. episode.Select(row => (labels[row][0], predictions[row][0] == 0 ? (ulong?)null : predictions[row][0]))]);
            return (episode.Average(row => match[predictions[row][0]] == labels[row][0] ? 1.0 : 0), table.NormalizedMutualInformation(), table.MatchedAccuracy());
        })];
        var accuracy = measured.Average(episode => episode.Accuracy);
        return new()
        {
            Accuracy = accuracy,
            AccuracyInterval = measured.Length < 2 ? double.NaN : FewShotMetrics.Normal95 * Math.Sqrt(measured.Average(episode => (episode.Accuracy - accuracy) * (episode.Accuracy - accuracy)) / measured.Length),
            NormalizedMutualInformation = measured.Average(episode => episode.Information),
            MatchedAccuracy = measured.Average(episode => episode.Matched),
            NumberOfEpisodes = measured.Length,
            NumberOfRows = rows.Length,
            NumberOfUnassignedRows = rows.Count(row => predictions[row][0] == 0),
            NumberOfSkippedRows = labels.Count - rows.Length,
        };
    }

    private static InputColumn<ulong> KeyColumn(string name, string role) => new(name, role, InputTypes.Key, InputShapes.Scalar);
}
