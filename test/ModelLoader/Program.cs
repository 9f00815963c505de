// Loads a model in a process that knows nothing of it, and prints what it makes of some rows.
// ModelLoader <model.zip> <rows.csv> <input column> <vector size> <output column>
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

var (modelPath, rowsPath, input, size, output) = (args[0], args[1], args[2], int.Parse(args[3], CultureInfo.InvariantCulture), args[4]);
var ml = new MLContext();
var model = ml.Model.Load(modelPath, out _);
var data = ml.Data.LoadFromTextFile(rowsPath, [new TextLoader.Column(input, DataKind.Single, 0, size - 1)], separatorChar: ',');
var scored = model.Transform(data);
if (scored.Schema[output].Type is VectorDataViewType)
{
    foreach (var row in scored.GetColumn<float[]>(output))
    {
        Console.WriteLine(string.Join(' ', row.Select(Text)));
    }
}
else
{
    foreach (var value in scored.GetColumn<float>(output))
    {
        Console.WriteLine(Text(value));
    }
}
(model as IDisposable)?.Dispose();

static string Text(float value) => value.ToString("R", CultureInfo.InvariantCulture);
