using Microsoft.ML;
using MLNetExtensions.Tests.Onnx;

namespace MLNetExtensions.Tests;

public sealed partial class ConformanceTests
{
    /// <summary>The graph computes what the model computes; or the export is refused, and leaves nothing.</summary>
    [TestMethod]
    [DynamicData(nameof(ConformanceEntries.Exporting), typeof(ConformanceEntries))]
    public void ExportsToOnnx(string name)
    {
        var entry = ConformanceEntries.Find(name);
        var ml = new MLContext(1);
        var model = entry.Create(ml).Fit(entry.Data(entry.Rows));
        try
        {
            if (entry.CannotExport is not null)
            {
                var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.onnx");
                Must.Contain(Must.Fail<NotSupportedException>(() => model.ExportToOnnx(path)).Message, entry.CannotExport);
                Assert.IsFalse(Directory.EnumerateFiles(Path.GetTempPath(), $"*{Path.GetFileName(path)}*").Any());
                return;
            }
            // Windows that lie one behind the other need more rows to be as many.
            var rows = entry is { IsRowScorer: false, LooksAhead: true } ? 65 * 8 : 80;
            var (data, withNaN) = (entry.Data(rows), entry.WithNaN?.Invoke(rows));
            if (entry.IsRowScorer)
            {
                OnnxExportCheck.Rows(ml, model, data, withNaN, entry.Outputs);
            }
            else
            {
                OnnxExportCheck.Windows(ml, model, data, withNaN, entry.Outputs, entry.GroupColumn);
            }
        }
        finally
        {
            (model as IDisposable)?.Dispose();
        }
    }
}
