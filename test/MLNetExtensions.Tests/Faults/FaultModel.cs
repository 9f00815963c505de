using Microsoft.ML;
using MLNetExtensions.Torch;

namespace MLNetExtensions.Tests.Faults;

/// <summary>A trained model of an entry, made once: its file, data and what it makes of them on one thread.</summary>
internal sealed record FaultModel(ConformanceEntry Entry, byte[] File, ITransformer Model, TestView Data, Snapshot Scores)
{
    private static readonly Dictionary<string, FaultModel> s_models = [];

    internal static FaultModel Of(ConformanceEntry entry)
    {
        lock (s_models)
        {
            if (!s_models.TryGetValue(entry.Name, out var model))
            {
                using var threads = TorchThreads.Use(1);
                var ml = new MLContext(1);
                var data = entry.Data(entry.Rows);
                var fitted = entry.Create(ml).Fit(data);
                // Without the schema of the data, which is ML.NET's alone: one that is damaged may keep its loader busy for ever.
                model = new(entry, Models.Save(ml, fitted), fitted, data, Snapshot.Of(fitted.Transform(data)));
                s_models.Add(entry.Name, model);
            }
            return model;
        }
    }

    /// <summary>What a model makes of the data, on one thread, bit for bit as <see cref="Scores"/>.</summary>
    internal void AssertScoresAlike(ITransformer model, IDataView? data = null)
    {
        using var threads = TorchThreads.Use(1);
        Snapshot.AssertEqual(Scores, Snapshot.Of(model.Transform(data ?? Data)), tolerance: 0);
    }
}
