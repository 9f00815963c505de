using System.Globalization;
using Microsoft.ML;
using MLNetExtensions.Torch;

namespace MLNetExtensions.Tests.Faults;

/// <summary>Other cultures while fitting, saving, loading and reporting: the same files, scores and texts.</summary>
internal sealed class Cultures : Fault
{
    private static readonly string[] s_names = ["tr-TR", "de-DE", "ar-SA"];
    private static readonly Dictionary<string, Result> s_invariant = [];

    internal override string Name => "cultures";

    protected override void Try(Case made)
    {
        var name = s_names[made.Round % s_names.Length];
        made.What = name;
        if (!s_invariant.TryGetValue(made.Entry.Name, out var expected))
        {
            expected = In(CultureInfo.InvariantCulture, made.Entry);
            s_invariant.Add(made.Entry.Name, expected);
        }
        var actual = In(CultureInfo.GetCultureInfo(name), made.Entry);
        CollectionAssert.AreEqual(expected.File.Entries.Keys, actual.File.Entries.Keys);
        foreach (var path in expected.File.Entries.Keys)
        {
            CollectionAssert.AreEqual(expected.File.Entries[path], actual.File.Entries[path], path);
        }
        Snapshot.AssertEqual(expected.Scores, actual.Scores, tolerance: 0);
        CollectionAssert.AreEqual(expected.Texts.ToArray(), actual.Texts.ToArray());
    }

    private static Result In(CultureInfo culture, ConformanceEntry entry)
    {
        var (current, ui) = (CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture);
        try
        {
            (CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture) = (culture, culture);
            using var threads = TorchThreads.Use(1);
            var ml = new MLContext(1);
            var texts = new List<string>();
            IEstimator<ITransformer> estimator;
            if (entry.Options?.Invoke() is { } options)
            {
                // But for the time, which is measured.
                options.Progress = new ImmediateProgress(progress => texts.Add(string.Join(',', progress.ToString().Split(',')[..^1])));
                estimator = entry.CreateWith!(ml, options);
            }
            else
            {
                estimator = entry.Create(ml);
            }
            var data = entry.Data(entry.Rows);
            byte[] file;
            using (var model = (IDisposable)estimator.Fit(data))
            {
                file = Models.Save(ml, (ITransformer)model, data.Schema);
            }
            var loaded = Models.Load(file);
            using var disposable = loaded as IDisposable;
            texts.AddRange(entry.Invalid.Select(invalid => Must.Catch(() => loaded.Transform(invalid.Create())).Message));
            var scored = loaded.Transform(data);
            texts.AddRange(Reports(ml, entry, scored).SelectMany(report => new[] { report.ToString(), report.GetType().GetMethod("ToHtml", [])?.Invoke(report, null) as string }).OfType<string>());
            return new(new(file), Snapshot.Of(scored), texts);
        }
        finally
        {
            (CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture) = (current, ui);
        }
    }

    // What the catalogs say of the scores.
    private static IEnumerable<object> Reports(MLContext ml, ConformanceEntry entry, IDataView scored)
    {
        if (entry.Outputs.Contains("Forecast") && entry.Inputs is [var series])
        {
            yield return ml.Forecasting.Evaluate(scored, series, "Forecast", 2);
        }
        if (entry.Outputs.Contains("ScoreStdDev"))
        {
            yield return ml.Regression.EvaluateProbabilistic(scored, entry.Data(1).Schema[0].Name);
        }
        if (entry.Outputs.Contains("Probability") && scored.Schema.GetColumnOrNull("Label") is not null)
        {
            yield return ml.Clustering.EvaluateFewShot(scored);
        }
    }

    private sealed record Result(ModelZip File, Snapshot Scores, IReadOnlyList<string> Texts);
}
