// Scores a classifier that was exported to ONNX, in a process without the native library of TorchSharp, and prints the figures of the evaluator.
// OnnxScorer <model.onnx> <rows.csv: label, features> <vector size> <model.zip to write and read>
using System.Diagnostics;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

var (modelPath, rowsPath, size, savedPath) = (args[0], args[1], int.Parse(args[2], CultureInfo.InvariantCulture), args[3]);
var ml = new MLContext(1);
var data = ml.Data.LoadFromTextFile(rowsPath, [new TextLoader.Column("Label", DataKind.String, 0), new TextLoader.Column("Features", DataKind.Single, 1, size)], separatorChar: ',');
var pipeline = ml.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue)
    .Append(ml.Transforms.ApplyOnnxModel(modelPath))
    .Append(ml.Transforms.ReadOnnxOutputs(modelPath));
var model = pipeline.Fit(data);
ml.Model.Save(model, data.Schema, savedPath);
foreach (var scorer in new[] { model, ml.Model.Load(savedPath, out _) })
{
    var metrics = ml.MulticlassClassification.Evaluate(scorer.Transform(data));
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{metrics.MicroAccuracy:R} {metrics.MacroAccuracy:R} {metrics.LogLoss:R}"));
}
using var process = Process.GetCurrentProcess();
Console.WriteLine(process.Modules.Cast<ProcessModule>().Any(module => module.ModuleName.Contains("torch", StringComparison.OrdinalIgnoreCase) && !module.ModuleName.EndsWith(".dll", StringComparison.OrdinalIgnoreCase)) ? "torch" : "no torch");
